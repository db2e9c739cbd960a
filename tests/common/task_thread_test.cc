#include "common/task_thread.h"

#include <gtest/gtest.h>

#include "common/notification.h"

namespace quern {
namespace {

TEST(TaskThreadTest, DoesEverythingInOrderEvenWhatIsLeftAtTheEnd) {
  std::vector<int> done;
  std::vector<int> expected;
  {
    TaskThread thread("tasks");
    Notification go;
    thread.Add([&] { go.Wait(); });
    for (int i = 0; i < 100; ++i) {
      expected.push_back(i);
      thread.Add([&done, i] { done.push_back(i); });
    }
    EXPECT_TRUE(done.empty());
    go.Notify();
  }
  EXPECT_EQ(done, expected);
}

}  // namespace
}  // namespace quern
