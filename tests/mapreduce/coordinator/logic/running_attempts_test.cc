#include "mapreduce/coordinator/logic/running_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr WorkerKey kWorker{1};
const absl::Time kStart = absl::UnixEpoch();

AttemptRef Map(uint32_t task) { return {JobKey(1), TaskKind::kMap, task, 0}; }

TEST(RunningAttempts, MissesWhatAWorkerShouldHaveAndDoesNotList) {
  RunningAttempts running;
  for (uint32_t task = 0; task < 3; ++task) running.Add(Map(task), kWorker);
  running.Launched(Map(0), kWorker, 10, absl::Minutes(1), kStart);
  running.Launched(Map(1), kWorker, 11, absl::Minutes(1), kStart);
  EXPECT_THAT(running.Missing(kWorker, {}, 9), IsEmpty()) << "the orders are on their way";
  EXPECT_THAT(running.Missing(kWorker, {}, 10), ElementsAre(Map(0)));
  EXPECT_THAT(running.Missing(kWorker, {Map(0)}, 11), ElementsAre(Map(1)))
      << "one from before a restart waits for its worker";
}

TEST(RunningAttempts, IsSilentAfterItsTimeoutWithoutNews) {
  RunningAttempts running;
  running.Add(Map(0), kWorker);
  EXPECT_EQ(running.NextSilence(), absl::InfiniteFuture());
  running.Launched(Map(0), kWorker, 1, absl::Seconds(10), kStart);
  running.Heard(Map(0), kWorker, kStart + absl::Seconds(5));
  EXPECT_EQ(running.NextSilence(), kStart + absl::Seconds(15));
  EXPECT_THAT(running.Silent(kStart + absl::Seconds(14)), IsEmpty());
  EXPECT_THAT(running.Silent(kStart + absl::Seconds(15)), SizeIs(1));
  running.Remove(Map(0), kWorker);
  EXPECT_EQ(running.NextSilence(), absl::InfiniteFuture());
  EXPECT_EQ(running.count(kWorker), 0u);
}

}  // namespace
}  // namespace quern::mr
