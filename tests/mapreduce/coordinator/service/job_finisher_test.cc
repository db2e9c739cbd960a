// The ends of jobs while the file system does not answer.
#include "mapreduce/coordinator/service/job_finisher.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "mapreduce/coordinator/service/job.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kLongestWait = absl::Seconds(60);
constexpr JobFinisher::Options kNoWaits = {.publish_retry = absl::Milliseconds(1),
                                           .clean_retry = absl::Milliseconds(1)};

std::string IdOf(JobKey key) { return fmt::format("job-20261122-{:04}", key.value()); }

class JobFinisherTest : public testing::Test, protected JobFinisher::Jobs {
 protected:
  void SetUp() override { finisher_.Start(); }
  void TearDown() override { finisher_.Shutdown(); }

  absl::Time Now() const override { return absl::UnixEpoch(); }
  absl::StatusOr<FinishPlan> PlanFinish(JobKey key) override {
    FinishPlan plan;
    plan.status.set_job_id(IdOf(key));
    plan.status.set_state(succeeded_.contains(key) ? pb::JOB_STATE_SUCCEEDED
                                                   : pb::JOB_STATE_KILLED);
    plan.publish.job_dir = JobDir(IdOf(key));
    plan.publish.manifest.job_id = IdOf(key);
    plan.publish.outputs.push_back({"", fmt::format("/out{}", key.value())});
    return plan;
  }
  std::optional<WishToKill> KillWish(JobKey key) const override {
    MutexLock lock(&mutex_);
    const auto wish = wishes_.find(key);
    // Asked before each try.
    if (wish == wishes_.end() || wish->second-- > 0) return std::nullopt;
    return WishToKill{"by ada", is_stopped_};
  }
  void Settle(JobKey key) override {
    EXPECT_FALSE(Records(key).back().has_finished()) << "a wish could come behind it";
    MutexLock lock(&mutex_);
    settled_.insert(key);
  }
  pb::TaskHistory DescribeTasks(JobKey) override { return {}; }
  void JobEnded(JobKey key, const pb::JobStatus& status) override {
    MutexLock lock(&mutex_);
    ended_[key] = status.state();
    changed_.SignalAll();
  }
  StringSet PluginsInUse() override { return {}; }

  // The state in which it ended; unspecified when it did not.
  pb::JobState WaitForEnd(JobKey key) {
    const absl::Time deadline = absl::Now() + kLongestWait;
    MutexLock lock(&mutex_);
    while (!ended_.contains(key) && absl::Now() < deadline) {
      changed_.WaitFor(&mutex_, absl::Seconds(1));
    }
    return ended_[key];
  }
  template <typename Condition>
  static bool WaitUntil(Condition condition) {
    const absl::Time deadline = absl::Now() + kLongestWait;
    while (!condition() && absl::Now() < deadline) GiveWay();
    return condition();
  }
  // A job that is killed after so many tries to publish it.
  void FinishAndKill(JobKey key, int tries) {
    succeeded_.insert(key);
    {
      MutexLock lock(&mutex_);
      wishes_[key] = tries;
    }
    files_.Add(DirOf(key), "");
    finisher_.Finish(key);
  }
  bool IsSettled(JobKey key) {
    MutexLock lock(&mutex_);
    return settled_.contains(key);
  }
  std::string DirOf(JobKey key) { return JobDir(IdOf(key)) + "/"; }
  // What is in the journal of a job.
  std::vector<pb::JournalRecord> Records(JobKey key) {
    std::vector<pb::JournalRecord> records;
    const absl::Status read = journal_->ReadAll([&](JobKey of, const auto& record) {
      if (of == key) records.push_back(*record);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return records;
  }
  bool IsCleaned(JobKey key) {
    const auto records = Records(key);
    return records.size() == 1 && records[0].finished().cleaned();
  }

  std::set<JobKey> succeeded_;
  bool is_stopped_ = false;  // by a pipeline
  FakeFiles files_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<JobKey, pb::JobState> ended_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<JobKey, int> wishes_ ABSL_GUARDED_BY(mutex_);
  std::set<JobKey> settled_ ABSL_GUARDED_BY(mutex_);
  const std::unique_ptr<JobJournal> journal_ = OpenMemoryJournal(NewMemoryJournalStorage());
  JobFinisher finisher_{this, journal_.get(), &files_, Clock::Real(), kNoWaits};
};

TEST_F(JobFinisherTest, EndsWhatWasKilledWhileManyWaitToBePublished) {
  files_.refusal = ResourceExhaustedError("no room");
  for (uint32_t i = 1; i <= 9; ++i) {
    succeeded_.insert(JobKey(i));
    finisher_.Finish(JobKey(i));
  }
  finisher_.Finish(JobKey(10));
  EXPECT_EQ(WaitForEnd(JobKey(10)), pb::JOB_STATE_KILLED);
  EXPECT_TRUE(WaitUntil([&] { return IsCleaned(JobKey(10)); })) << "which may make room";
}

TEST_F(JobFinisherTest, WhatCannotBePublishedCanBeKilled) {
  files_.refusal = ResourceExhaustedError("no room");
  for (const int tries : {0, 2}) {
    const JobKey key(static_cast<uint32_t>(tries + 1));
    FinishAndKill(key, tries);
    EXPECT_EQ(WaitForEnd(key), pb::JOB_STATE_KILLED);
    EXPECT_TRUE(WaitUntil([&] { return IsCleaned(key); })) << "which may make room";
    EXPECT_EQ(Records(key)[0].finished().status().reason(), "by ada");
    EXPECT_FALSE(files_.Has(DirOf(key)));
    EXPECT_FALSE(files_.Has(fmt::format("/out{}/", key.value())));
    EXPECT_TRUE(IsSettled(key));
  }
}

// For another stage: its work is done.
TEST_F(JobFinisherTest, IsTriedOnceHoweverEarlyItsPipelineStopsIt) {
  is_stopped_ = true;
  FinishAndKill(JobKey(1), 0);
  EXPECT_EQ(WaitForEnd(JobKey(1)), pb::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(files_.Has(fmt::format("/out1/{}", kSuccessName)));
  EXPECT_TRUE(IsSettled(JobKey(1)));
}

TEST_F(JobFinisherTest, IsNotTriedWhenItWasKilledBefore) {
  FinishAndKill(JobKey(1), 0);
  EXPECT_EQ(WaitForEnd(JobKey(1)), pb::JOB_STATE_KILLED);
  EXPECT_FALSE(files_.Has(fmt::format("/out1/{}", kSuccessName)));
}

// The change was made, and nobody has heard of it when the job is killed.
TEST_F(JobFinisherTest, WhatHasAppearedSucceedsHoweverItIsKilled) {
  files_.lost_answers = 1;
  files_.unreachable_moves = 1;  // nobody can say, at first
  FinishAndKill(JobKey(1), 1);
  EXPECT_EQ(WaitForEnd(JobKey(1)), pb::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(files_.Has(fmt::format("/out1/{}", kSuccessName)));
  EXPECT_TRUE(IsSettled(JobKey(1)));
}

TEST_F(JobFinisherTest, TriesToCleanUpAgain) {
  files_.unreachable_deletes = 2;
  files_.Add(DirOf(JobKey(1)), "");
  finisher_.Finish(JobKey(1));
  EXPECT_EQ(WaitForEnd(JobKey(1)), pb::JOB_STATE_KILLED);
  EXPECT_TRUE(WaitUntil([&] { return IsCleaned(JobKey(1)); }));
  EXPECT_FALSE(files_.Has(DirOf(JobKey(1))));
}

// It would never be found again.
TEST_F(JobFinisherTest, ForgetsNoJobBeforeItsFilesAreGone) {
  files_.unreachable_deletes = 2;
  files_.Add(DirOf(JobKey(1)), "");
  finisher_.Finish(JobKey(1));
  EXPECT_EQ(WaitForEnd(JobKey(1)), pb::JOB_STATE_KILLED);
  finisher_.Forget(JobKey(1));
  EXPECT_TRUE(WaitUntil([&] { return Records(JobKey(1)).empty(); }));
  EXPECT_FALSE(files_.Has(DirOf(JobKey(1))));
}

}  // namespace
}  // namespace quern::mr
