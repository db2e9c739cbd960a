#include "mapreduce/coordinator/logic/running_attempts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr WorkerKey kWorker{1};
const absl::Time kBegin = absl::UnixEpoch();

AttemptRef MapAttempt(uint32_t task) { return {JobKey(1), TaskKind::kMap, task, 0}; }

TEST(RunningAttempts, MissesWhatAWorkerShouldHaveAndDoesNotList) {
  RunningAttempts running;
  for (uint32_t task = 0; task < 3; ++task) running.Add(MapAttempt(task), kWorker);
  running.Launched(MapAttempt(0), kWorker, 10, absl::Minutes(1), kBegin);
  running.Launched(MapAttempt(1), kWorker, 11, absl::Minutes(1), kBegin);
  EXPECT_THAT(running.Missing(kWorker, {}, 9), IsEmpty()) << "the orders are on their way";
  EXPECT_THAT(running.Missing(kWorker, {}, 10), ElementsAre(MapAttempt(0)));
  EXPECT_THAT(running.Missing(kWorker, {MapAttempt(0)}, 11), ElementsAre(MapAttempt(1)))
      << "one from before a restart waits for its worker";
}

TEST(RunningAttempts, IsSilentAfterItsTimeoutWithoutNews) {
  RunningAttempts running;
  running.Add(MapAttempt(0), kWorker);
  EXPECT_EQ(running.NextSilence(), absl::InfiniteFuture());
  running.Launched(MapAttempt(0), kWorker, 1, absl::Seconds(10), kBegin);
  running.Heard(MapAttempt(0), kWorker, kBegin + absl::Seconds(5));
  EXPECT_EQ(running.NextSilence(), kBegin + absl::Seconds(15));
  EXPECT_THAT(running.Silent(kBegin + absl::Seconds(14)), IsEmpty());
  EXPECT_THAT(running.Silent(kBegin + absl::Seconds(15)), SizeIs(1));
  running.Remove(MapAttempt(0), kWorker);
  EXPECT_EQ(running.NextSilence(), absl::InfiniteFuture());
  EXPECT_EQ(running.count(kWorker), 0u);
}

}  // namespace
}  // namespace quern::mr
