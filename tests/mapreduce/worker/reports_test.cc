// What a worker remembers of attempts that have ended, and how it says it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "mapreduce/worker/final_reports.h"
#include "mapreduce/worker/registration.h"
#include "mapreduce/worker/worker_health.h"
#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kStart = absl::UnixEpoch() + absl::Hours(1);

FinalReports::Update Ended(uint32_t task, pb::AttemptState state, size_t bytes = 0) {
  FinalReports::Update update;
  update.mutable_id()->set_job_id("job-20261122-0001");
  update.mutable_id()->set_kind(pb::TASK_KIND_MAP);
  update.mutable_id()->set_task(task);
  update.set_state(state);
  update.mutable_failure()->set_log_tail(std::string(bytes, 'x'));
  return update;
}

TEST(FinalReportsTest, AreRepeatedUntilTheyAreAcknowledged) {
  FinalReports reports;
  reports.Add(Ended(1, pb::ATTEMPT_STATE_SUCCEEDED), kStart);
  reports.Add(Ended(2, pb::ATTEMPT_STATE_FAILED), kStart);
  EXPECT_THAT(reports.TakeDue(kStart + absl::Seconds(4)), IsEmpty());
  EXPECT_THAT(reports.TakeDue(kStart + absl::Seconds(5)), SizeIs(2));
  EXPECT_THAT(reports.TakeDue(kStart + absl::Seconds(6)), IsEmpty()) << "just sent";
  reports.Acknowledge(Ended(1, pb::ATTEMPT_STATE_SUCCEEDED).id());
  const auto due = reports.TakeDue(kStart + absl::Seconds(10));
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].id().task(), 2u);
  reports.Acknowledge(due[0].id());
  EXPECT_EQ(reports.size(), 0u);
}

TEST(FinalReportsTest, ARegistrationSaysTheUnsuccessfulOnes) {
  FinalReports reports;
  reports.Add(Ended(1, pb::ATTEMPT_STATE_SUCCEEDED), kStart);
  reports.Add(Ended(2, pb::ATTEMPT_STATE_FAILED), kStart);
  reports.Add(Ended(3, pb::ATTEMPT_STATE_KILLED), kStart);
  EXPECT_THAT(reports.Unsuccessful(kStart + absl::Seconds(5)), SizeIs(2));
  EXPECT_THAT(reports.TakeDue(kStart + absl::Seconds(6)), IsEmpty());
  EXPECT_THAT(reports.Unsuccessful(kStart + absl::Seconds(7)), SizeIs(2)) << "not acknowledged yet";
  reports.ForgetJob("job-20261122-0001");
  EXPECT_EQ(reports.size(), 0u);
}

TEST(FinalReportsTest, RepeatsOnlySoMuchAtOnceAndTheOldestFirst) {
  FinalReports reports;
  constexpr uint32_t kReports = 1000;
  for (uint32_t i = 0; i < kReports; ++i) {
    reports.Add(Ended(i, pb::ATTEMPT_STATE_FAILED, 4'000), kStart + absl::Milliseconds(i));
  }
  std::set<uint32_t> seen;
  for (int round = 0; round < 5; ++round) {
    const auto due = reports.TakeDue(kStart + absl::Seconds(10) + absl::Milliseconds(round));
    EXPECT_LE(due.size(), 300u);
    for (const auto& update : due) seen.insert(update.id().task());
  }
  EXPECT_EQ(seen.size(), kReports);
}

TEST(WorkerHealthTest, SeveralFailuresInARowMakeItUnhealthyAndOneStartMakesItWell) {
  WorkerHealth health;
  for (int i = 0; i < 2; ++i) health.CouldNotStart("no such file", kStart);
  health.Started();
  for (int i = 0; i < 2; ++i) health.CouldNotStart("no such file", kStart);
  EXPECT_EQ(health.unhealthy(), "");
  EXPECT_EQ(health.next_probe(), absl::InfiniteFuture());
  health.CouldNotStart("no such file", kStart);
  EXPECT_THAT(health.unhealthy(), HasSubstr("no such file"));
  EXPECT_EQ(health.next_probe(), kStart + WorkerHealth::kFirstPause);
  health.Started();
  EXPECT_EQ(health.unhealthy(), "");
  EXPECT_EQ(health.next_probe(), absl::InfiniteFuture());
}

TEST(WorkerHealthTest, ProbesBecomeRareAndNeverStop) {
  WorkerHealth health;
  for (int i = 0; i < 3; ++i) health.CouldNotStart("x", kStart);
  absl::Duration last = absl::ZeroDuration();
  for (int probe = 0; probe < 20; ++probe) {
    const absl::Time now = health.next_probe();
    // Attempts that were under way fail meanwhile: that neither hurries nor delays the probe.
    health.CouldNotStart("y", now - absl::Milliseconds(1));
    ASSERT_EQ(health.next_probe(), now);
    health.CouldNotStart("x", now);
    const absl::Duration pause = health.next_probe() - now;
    ASSERT_GE(pause, last);
    ASSERT_LE(pause, WorkerHealth::kLongestPause);
    last = pause;
  }
  EXPECT_EQ(last, WorkerHealth::kLongestPause);
}

class RegistrationTest : public RandomTest {};

TEST_F(RegistrationTest, PiecesFitAndAddUpToTheWhole) {
  for (int round = 0; round < 200; ++round) {
    pb::WorkerMessage::Register whole;
    whole.set_worker_id("w-1");
    whole.set_slots(7);
    for (uint64_t i = Below(50); i > 0; --i) {
      auto* held = whole.add_held();
      held->mutable_id()->set_task(static_cast<uint32_t>(i));
      held->mutable_result()->set_output_path(std::string(Below(OneIn(10) ? 3000 : 100), 'p'));
    }
    for (uint64_t i = Below(20); i > 0; --i) {
      whole.add_running()->set_task(static_cast<uint32_t>(i));
    }
    for (uint64_t i = Below(20); i > 0; --i) {
      *whole.add_ended() = Ended(static_cast<uint32_t>(i), pb::ATTEMPT_STATE_FAILED, Below(300));
    }
    const size_t limit = 200 + Below(2000);
    const auto pieces = SplitRegistration(whole, limit);
    pb::WorkerMessage::Register sum;
    for (size_t i = 0; i < pieces.size(); ++i) {
      ASSERT_EQ(pieces[i].more(), i + 1 < pieces.size());
      ASSERT_EQ(pieces[i].worker_id(), i == 0 ? "w-1" : "");
      const int entries = pieces[i].held_size() + pieces[i].running_size() + pieces[i].ended_size();
      ASSERT_TRUE(pieces[i].ByteSizeLong() <= limit || entries == 1);
      sum.MergeFrom(pieces[i]);
    }
    sum.clear_more();
    ASSERT_EQ(sum.SerializeAsString(), whole.SerializeAsString());
  }
}

TEST(RegistrationSplitTest, ThereIsAlwaysOnePiece) {
  pb::WorkerMessage::Register empty;
  empty.set_worker_id("w-1");
  EXPECT_THAT(SplitRegistration(empty, 100), SizeIs(1));
  EXPECT_FALSE(SplitRegistration(empty, 100)[0].more());
}

}  // namespace
}  // namespace quern::mr
