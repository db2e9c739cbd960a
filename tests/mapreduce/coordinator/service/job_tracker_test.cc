// Jobs through a tracker to their ends, over restarts.
#include "mapreduce/coordinator/service/job_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

#include "mapreduce/coordinator/service/waiting.h"
#include "tests/mapreduce/coordinator/service/tracker_fixture.h"

namespace quern::mr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST_F(TrackerTest, RunsAJobToItsCommit) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(3, 2);
  std::mt19937_64 random(1);
  while (SucceedOne(&random)) {
  }
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
  EXPECT_THAT(launched_, SizeIs(5));
  EXPECT_THAT(finishing_, SizeIs(1));
  EXPECT_EQ(job(id).maps->counters().at({"user", "mapped"}), 1 + 2 + 3);
  EXPECT_EQ(job(id).reduces->counters().at({"user", "reduced"}), 1 + 2);
}

TEST(JobStatusTest, SaysWhatItsCountersMean) {
  PlannedJob plan;
  plan.spec.mutable_reduce()->set_tasks(0);
  plan.spec.mutable_counter_meanings()->add_read("documents");
  const std::unique_ptr<Job> job = MakeJob(std::move(plan));
  OpenJob(job.get());
  pb::JobStatus status = MakeJobStatus(*job, nullptr);
  EXPECT_THAT(status.counter_meanings().read(), ElementsAre("documents"));
  EXPECT_FALSE(MakeJobSummary(*job, nullptr).has_counter_meanings());
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  job->SetFinal(std::move(status));
  EXPECT_THAT(MakeJobStatus(*job, nullptr).counter_meanings().read(), ElementsAre("documents"))
      << "when it has ended";
  EXPECT_FALSE(MakeJobSummary(*job, nullptr).has_counter_meanings());
}

TEST_F(TrackerTest, GoesOnAfterARestartAtAnyMoment) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    storage_ = NewMemoryJournalStorage();
    workers_.clear();
    launched_.clear();
    finishing_.clear();
    Restart();
    AddWorker("a");
    AddWorker("b");
    const std::string id = Submit(5, 2, /*samples=*/1);
    int steps = 0;
    do {
      if (random() % 3 == 0) Restart();
      ASSERT_LT(++steps, 200) << "seed " << seed;
    } while (SucceedOne(&random));
    EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING) << "seed " << seed;
    EXPECT_THAT(launched_, SizeIs(8)) << "a restart wastes nothing, seed " << seed;
    EXPECT_EQ(job(id).maps->counters().at({"user", "mapped"}), 15);
    EXPECT_EQ(job(id).bounds.size(), 1u);
    Restart();
    EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
    EXPECT_THAT(finishing_, SizeIs(1)) << "the successor finishes it";
  }
}

// Its directory may be missing: an earlier coordinator may have died before it made it.
TEST_F(TrackerTest, OneThatHasNotBegunBeforeARestartStartsWhenItIsPrepared) {
  const std::string id = Submit(2, 0);
  const std::string other = Submit(1, 0);
  Restart();
  EXPECT_THAT(tracker_->HoldUnbegun(), UnorderedElementsAre(job(id).key, job(other).key));
  AddWorker("a");
  EXPECT_THAT(launched_, IsEmpty());
  EXPECT_THAT(DescribeWait(tracker_->state(), job(id), now_), HasSubstr(JobDir(id)));
  tracker_->Prepared(job(id).key, absl::OkStatus(), now_);
  Pump();
  EXPECT_THAT(launched_, SizeIs(2));
  tracker_->Prepared(job(other).key, PermissionDeniedError("not allowed"), now_);
  Pump();
  EXPECT_THAT(launched_, SizeIs(2));
  EXPECT_EQ(job(other).doomed, pb::JOB_STATE_FAILED);
  EXPECT_EQ(job(other).reason, "not allowed");
  EXPECT_THAT(finishing_, ElementsAre(job(other).key));
  Restart();
  EXPECT_THAT(tracker_->HoldUnbegun(), IsEmpty()) << "attempts have written below it";
}

TEST_F(TrackerTest, CountsAMapThatRanTwiceOnce) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(2, 1);
  Succeed(&workers_[0], "m-00000.0");
  Succeed(&workers_[1], "m-00001.0");
  // Its machine dies before the reduce has ended.
  tracker_->SessionEnded(workers_[0].key, now_);
  workers_[0].held.clear();
  workers_[0].running.clear();
  now_ += absl::Seconds(4);
  tracker_->Tick(now_);
  Pump();
  std::mt19937_64 random(1);
  while (SucceedOne(&random)) {
  }
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
  EXPECT_EQ(job(id).maps->counters().at({"user", "mapped"}), 3);
  EXPECT_THAT(launched_, testing::Contains("m-00000.1"));
}

TEST_F(TrackerTest, FailsAJobWithTheRecordThatItsTaskFailedOn) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  for (int i = 0; i < 3; ++i) {
    Fail(&workers_[0], fmt::format("m-00000.{}", i), "signal 11 (Segmentation fault)");
  }
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED);
  EXPECT_THAT(job(id).reason, HasSubstr("m-00000 failed 3 times"));
  EXPECT_THAT(job(id).reason, HasSubstr("signal 11 (Segmentation fault), at /in/a:42"));
  EXPECT_TRUE(workers_[0].running.empty()) << "the reduce that waited is killed";
  Restart();
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_FAILED) << "also after a restart";
}

TEST_F(TrackerTest, RemembersThatAJobWasKilled) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  ASSERT_TRUE(tracker_->Kill(id, {"by ada"}, now_).ok());
  finishing_.clear();
  Restart();
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_KILLED);
  EXPECT_EQ(job(id).reason, "by ada");
  EXPECT_THAT(finishing_, testing::ElementsAre(job(id).key));
  EXPECT_THAT(launched_, SizeIs(2)) << "nothing runs again";
  EXPECT_TRUE(workers_[0].running.empty());
}

TEST_F(TrackerTest, KnowsARepeatedSubmission) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  EXPECT_EQ(tracker_->state().jobs.FindRequest(7, request_)->id, id);
  Restart();
  EXPECT_EQ(tracker_->state().jobs.FindRequest(7, request_)->id, id);
  EXPECT_EQ(tracker_->state().jobs.FindRequest(7, request_ + 1), nullptr);
  EXPECT_NE(Submit(1, 1), id);
}

TEST_F(TrackerTest, TellsRunningReducesWhereNewOutputsLie) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(1, 1);
  EXPECT_THAT(launched_, SizeIs(2)) << "the reduce starts beside the only map";
  Succeed(workers_[0].running.contains("m-00000.0") ? &workers_[0] : &workers_[1], "m-00000.0");
  EXPECT_TRUE(told_.empty()) << "nobody has asked";
  pb::WorkerMessage::WantOutputs want;
  want.set_job_id(id);
  tracker_->WantOutputs(workers_[0].key, want, now_);
  Pump();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].to(), 1u);
  EXPECT_THAT(told_[0].map_tasks(), testing::ElementsAre(0));
  ASSERT_THAT(told_[0].holders(), SizeIs(1));
}

TEST_F(TrackerTest, ListensOnlyToTheWorkerThatRunsAnAttempt) {
  AddWorker("a");
  AddWorker("b");
  const std::string id = Submit(1, 0);
  FakeWorker* runs = workers_[0].running.empty() ? &workers_[1] : &workers_[0];
  FakeWorker* other = runs == &workers_[0] ? &workers_[1] : &workers_[0];
  other->running = runs->running;
  Succeed(other, "m-00000.0");
  EXPECT_EQ(job(id).state, pb::JOB_STATE_RUNNING);
  Succeed(runs, "m-00000.0");
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
}

TEST_F(TrackerTest, KillsAJobAndItsAttempts) {
  AddWorker("a");
  const std::string id = Submit(2, 0);
  EXPECT_THAT(workers_[0].running, SizeIs(2));
  ASSERT_TRUE(tracker_->Kill(id, {"by ada"}, now_).ok());
  Pump();
  EXPECT_TRUE(workers_[0].running.empty());
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_KILLED);
  pb::JobStatus status;
  status.set_job_id(id);
  status.set_state(pb::JOB_STATE_KILLED);
  tracker_->Ended(job(id).key, status, now_);
  EXPECT_TRUE(tracker_->Kill(id, {"again"}, now_).ok()) << "the first answer may have been lost";
  EXPECT_EQ(tracker_->Kill("job-1", {}, now_).code(), absl::StatusCode::kNotFound);
}

// Its output may have appeared: the wish alone ends nothing, also after a restart.
TEST_F(TrackerTest, RemembersThatAJobWasKilledWhileItIsPublished) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  Succeed(&workers_[0], "m-00000.0");
  ASSERT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
  ASSERT_TRUE(tracker_->Kill(id, {"by ada"}, now_).ok());
  ASSERT_TRUE(tracker_->Kill(id, {"again"}, now_).ok());
  for (const bool restart : {false, true}) {
    if (restart) finishing_.clear();
    if (restart) Restart();
    EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
    EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED);
    ASSERT_TRUE(job(id).kill_wish);
    EXPECT_EQ(job(id).kill_wish->reason, "by ada");
    EXPECT_FALSE(job(id).kill_wish->after_one_try);
    EXPECT_THAT(finishing_, testing::ElementsAre(job(id).key));
  }
}

TEST_F(TrackerTest, AUsersWishComesBeforeThatOfThePipeline) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  Succeed(&workers_[0], "m-00000.0");
  const WishToKill stop{"its pipeline is stopped", /*after_one_try=*/true};
  ASSERT_TRUE(tracker_->Kill(id, stop, now_).ok());
  ASSERT_TRUE(job(id).kill_wish);
  EXPECT_TRUE(job(id).kill_wish->after_one_try);
  ASSERT_TRUE(tracker_->Kill(id, {"by ada"}, now_).ok());
  ASSERT_TRUE(tracker_->Kill(id, stop, now_).ok());
  for (const bool restart : {false, true}) {
    if (restart) Restart();
    ASSERT_TRUE(job(id).kill_wish);
    EXPECT_EQ(job(id).kill_wish->reason, "by ada");
    EXPECT_FALSE(job(id).kill_wish->after_one_try);
  }
}

TEST_F(TrackerTest, WhatAPipelineHasStoppedBeforeARestartIsNotTried) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  Succeed(&workers_[0], "m-00000.0");
  ASSERT_TRUE(tracker_->Kill(id, {"its pipeline is stopped", true}, now_).ok());
  Restart();
  ASSERT_TRUE(job(id).kill_wish);
  EXPECT_EQ(job(id).kill_wish->reason, "its pipeline is stopped");
  EXPECT_FALSE(job(id).kill_wish->after_one_try) << "what was to be published may be gone";
}

TEST_F(TrackerTest, NothingIsWishedOfAJobWhoseEndIsDecided) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  Succeed(&workers_[0], "m-00000.0");
  tracker_->Settle(job(id).key);
  EXPECT_EQ(tracker_->Kill(id, {"by ada"}, now_).code(), absl::StatusCode::kFailedPrecondition);
  Restart();
  EXPECT_FALSE(job(id).kill_wish.has_value()) << "it would stand behind the last record";
}

TEST_F(TrackerTest, WhatHasEndedInAnotherWayCannotBeKilled) {
  const std::string id = Submit(1, 0);
  pb::JobStatus status;
  status.set_job_id(id);
  status.set_state(pb::JOB_STATE_FAILED);
  tracker_->Ended(job(id).key, status, now_);
  const absl::Status killed = tracker_->Kill(id, {}, now_);
  EXPECT_EQ(killed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(killed), id + ": has ended already (FAILED)");
}

// The last reduce is told of before a map that was made again for it, and fails once too often.
TEST_F(TrackerTest, WhatFailsBesideAJobThatIsDoneDoesNotDoomIt) {
  AddWorker("a");
  const std::string id = Submit(1, 1);
  FakeWorker& worker = workers_[0];
  Succeed(&worker, "m-00000.0");
  ReportFetchFailure(&worker, "r-00000.0", 0, 0);
  const auto runs = [&](const std::string& name) {
    for (int i = 0; i < 120 && !worker.running.contains(name); ++i) {
      now_ += absl::Seconds(1);
      Beat(&worker);
      tracker_->Tick(now_);
      Pump();
    }
    return worker.running.contains(name);
  };
  for (const char* name : {"m-00000.1", "m-00000.2"}) {
    ASSERT_TRUE(runs(name)) << name;
    Fail(&worker, name, "bad luck");
  }
  ASSERT_TRUE(runs("m-00000.3"));
  ASSERT_TRUE(worker.running.contains("r-00000.0"));
  pb::JournalRecord failed;
  *failed.mutable_ended()->mutable_id() = worker.running.at("m-00000.3").id();
  failed.mutable_ended()->set_state(pb::ATTEMPT_STATE_FAILED);
  failed.mutable_ended()->mutable_failure()->set_message("bad luck");

  pb::WorkerMessage::Register message;
  message.set_worker_id("a");
  message.set_slots(2);
  pb::WorkerMessage::HeldOutput* held = message.add_held();
  *held->mutable_id() = worker.running.at("r-00000.0").id();
  *held->mutable_result() = ResultOf(worker.running.at("r-00000.0"));
  pb::WorkerMessage::AttemptUpdate* ended = message.add_ended();
  *ended->mutable_id() = failed.ended().id();
  ended->set_state(pb::ATTEMPT_STATE_FAILED);
  *ended->mutable_failure() = failed.ended().failure();
  tracker_->Register(message, now_);
  Pump();
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
  EXPECT_FALSE(job(id).failure.has_value());
  worker.running.clear();
  Restart();
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING) << job(id).reason;
  // Nor does the journal, whatever it has of such an attempt.
  ASSERT_TRUE(journal_->Append({{job(id).key, failed}}, {}).ok());
  Restart();
  EXPECT_EQ(job(id).doomed, pb::JOB_STATE_UNSPECIFIED) << job(id).reason;
  EXPECT_EQ(job(id).state, pb::JOB_STATE_COMMITTING);
}

}  // namespace
}  // namespace quern::mr
