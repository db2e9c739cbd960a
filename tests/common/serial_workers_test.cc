#include "common/serial_workers.h"

#include <gtest/gtest.h>

#include <atomic>

#include "common/notification.h"

namespace quern {
namespace {

using Line = SerialWorkers::Line;
constexpr size_t kNoLimit = 1'000'000;

TEST(SerialWorkersTest, EachLineKeepsItsOrder) {
  constexpr int kLines = 20;
  constexpr int kTasks = 500;
  std::vector<int> done(kLines, 0);  // each only touched by its line
  std::atomic<int> wrong = 0;
  std::atomic<int> left = kLines * kTasks;
  Notification all;
  SerialWorkers workers("test", 4);
  std::vector<std::shared_ptr<Line>> lines;
  for (int i = 0; i < kLines; ++i) lines.push_back(std::make_shared<Line>());
  for (int n = 0; n < kTasks; ++n) {
    for (size_t i = 0; i < kLines; ++i) {
      EXPECT_TRUE(workers.Add(
          lines[i],
          [&, i, n] {
            if (done[i]++ != n) ++wrong;
            if (--left == 0) all.Notify();
          },
          kNoLimit));
    }
  }
  all.Wait();
  EXPECT_EQ(wrong, 0);
}

TEST(SerialWorkersTest, ALineThatWaitsHoldsUpNoOtherAndTakesALimitedNumber) {
  SerialWorkers workers("test", 2);
  const auto slow = std::make_shared<Line>();
  const auto quick = std::make_shared<Line>();
  Notification begun;
  Notification go_on;
  ASSERT_TRUE(workers.Add(
      slow,
      [&] {
        begun.Notify();
        go_on.Wait();
      },
      2));
  begun.Wait();
  Notification last;
  EXPECT_TRUE(workers.Add(
      slow, [] {}, 2));
  EXPECT_TRUE(workers.Add(
      slow, [&] { last.Notify(); }, 2));
  EXPECT_FALSE(workers.Add(
      slow, [] {}, 2))
      << "two wait already";
  Notification others;
  EXPECT_TRUE(workers.Add(
      quick, [&] { others.Notify(); }, 2));
  others.Wait();
  go_on.Notify();
  last.Wait();
  workers.Stop();
  EXPECT_FALSE(workers.Add(
      quick, [] {}, 2));
}

}  // namespace
}  // namespace quern
