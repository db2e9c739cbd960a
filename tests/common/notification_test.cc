#include "common/notification.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/thread.h"

namespace quern {
namespace {

TEST(NotificationTest, WhoComesLaterDoesNotWait) {
  Notification done;
  done.Notify();
  done.Wait();
  done.Wait();
}

TEST(NotificationTest, AllWhoWaitAreWokenAndSeeWhatWasDoneBefore) {
  Notification done;
  int value = 0;
  std::vector<Thread> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back("waiting", [&] {
      done.Wait();
      EXPECT_EQ(value, 7);
    });
  }
  value = 7;
  done.Notify();
}

// Each is gone as soon as it was waited for, while the other thread may still be in Notify; the
// next one has its place.
TEST(NotificationTest, GoesAsSoonAsItWasWaitedFor) {
  for (int i = 0; i < 20'000; ++i) {
    auto there = std::make_unique<Notification>();
    auto back = std::make_unique<Notification>();
    const Thread other("other", [there = there.get(), &back] {
      there->Wait();
      back->Notify();
    });
    there->Notify();
    back->Wait();
    back.reset();
  }
}

}  // namespace
}  // namespace quern
