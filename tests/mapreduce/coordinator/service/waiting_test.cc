#include "mapreduce/coordinator/service/waiting.h"

#include "tests/mapreduce/coordinator/service/tracker_fixture.h"

namespace quern::mr {
namespace {

class WaitingTest : public TrackerTest {
 protected:
  std::string Wait(const std::string& id) { return DescribeWait(tracker_->state(), job(id), now_); }
  void SayUnhealthy(const FakeWorker& worker, const std::string& why) {
    pb::WorkerMessage::Heartbeat beat;
    beat.set_unhealthy(why);
    tracker_->Heartbeat(worker.key, beat, now_);
    Pump();
  }
  // Through no fault of the user's.
  void FailAround(const std::string& name, const std::string& why) {
    FakeWorker* worker = WorkerOf(name);
    ASSERT_NE(worker, nullptr) << name;
    pb::WorkerMessage::AttemptUpdate update;
    *update.mutable_id() = worker->running.at(name).id();
    worker->running.erase(name);
    update.set_state(pb::ATTEMPT_STATE_FAILED);
    update.mutable_failure()->set_message(why);
    update.mutable_failure()->set_environment(true);
    tracker_->Update(worker->key, update, now_);
    Pump();
  }
  void Pass(absl::Duration time) {
    now_ += time;
    for (FakeWorker& worker : workers_) Beat(&worker);
    tracker_->Tick(now_);
    Pump();
  }
};

TEST_F(WaitingTest, AJobWithoutWorkersSaysSoUntilOneComes) {
  const std::string id = Submit(1, 1);
  EXPECT_EQ(Wait(id), "no worker is there. Try: mr workers");
  AddWorker("a");
  EXPECT_EQ(Wait(id), "");
  Succeed(&workers_[0], "m-00000.0");
  EXPECT_EQ(Wait(id), "");
}

// A list of jobs is made under the coordinator's lock.
TEST_F(WaitingTest, TheWorkersAreLookedAtOnceForAllJobs) {
  const std::string first = Submit(2, 0);
  const std::string second = Submit(1, 0);
  WaitDescriber waits(&tracker_->state(), now_);
  EXPECT_EQ(waits.Describe(job(first)), "no worker is there. Try: mr workers");
  AddWorker("a");
  EXPECT_EQ(waits.Describe(job(first)), "") << "it runs";
  EXPECT_EQ(waits.Describe(job(second)), "no worker is there. Try: mr workers")
      << "as it was when they were looked at";
  EXPECT_EQ(Wait(second), "other jobs have every slot. Try: mr list");
}

TEST_F(WaitingTest, WithoutRoomAJobWaitsForAnHourAndSaysWhy) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  const absl::Time start = now_;
  while (job(id).doomed == pb::JOB_STATE_UNSPECIFIED && now_ < start + absl::Hours(2)) {
    if (!workers_[0].running.empty()) {
      const std::string attempt = workers_[0].running.begin()->first;
      FailAround(attempt, "no room in the file system");
    } else {
      EXPECT_THAT(Wait(id), testing::HasSubstr("last: no room in the file system"));
    }
    Pass(absl::Seconds(20));
  }
  EXPECT_GE(now_ - start, absl::Hours(1));
  EXPECT_LT(now_ - start, absl::Minutes(63));
  EXPECT_THAT(job(id).reason, testing::HasSubstr("no room in the file system"));
}

TEST_F(WaitingTest, WorkersThatTakeNothingSayWhy) {
  AddWorker("a");
  SayUnhealthy(workers_[0], "could not start 3 task processes in a row: no room");
  const std::string id = Submit(1, 1);
  EXPECT_EQ(Wait(id),
            "no worker takes tasks; a: could not start 3 task processes in a row: no room. "
            "Try: mr workers");
  SayUnhealthy(workers_[0], "");
  EXPECT_EQ(Wait(id), "");
}

TEST_F(WaitingTest, AJobBehindOthersSaysSo) {
  AddWorker("a");
  Submit(2, 0);
  const std::string id = Submit(1, 0);
  EXPECT_EQ(Wait(id), "other jobs have every slot. Try: mr list");
  Succeed(&workers_[0], "m-00000.0");
  EXPECT_EQ(Wait(id), "");
}

TEST_F(WaitingTest, WorkersThatRestForAnotherJobAreSaidToRest) {
  AddWorker("a");
  const std::string first = Submit(1, 0);
  FailAround("m-00000.0", "no room");
  const std::string id = Submit(1, 0);
  EXPECT_EQ(Wait(id), "every worker rests, the first for another 1s. Try: mr workers");
  Pass(absl::Seconds(1));
  EXPECT_EQ(Wait(id), "other jobs have every slot. Try: mr list") << "one attempt on probation";
}

TEST_F(WaitingTest, WhatFailsAroundATaskIsSaidUntilItGetsOn) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  FailAround("m-00000.0", "no room for a chunk. Try: dfs df");
  EXPECT_EQ(Wait(id), "m-00000 failed 1 time on 1 worker, last: no room for a chunk. Try: dfs df");
  AddWorker("b");
  FailAround("m-00000.1", "no room");
  EXPECT_EQ(Wait(id), "m-00000 failed 2 times on 2 workers, last: no room. Try: mr tasks " + id +
                          " --failed");
  Pass(absl::Seconds(20));
  ASSERT_NE(WorkerOf("m-00000.2"), nullptr);
  EXPECT_NE(Wait(id), "") << "it has only just begun again";
  Pass(absl::Seconds(9));
  Pass(absl::Seconds(9));
  Pass(absl::Seconds(9));
  Pass(absl::Seconds(9));
  EXPECT_EQ(Wait(id), "") << "it runs";
}

// An attempt waits for 20 s itself, in which the job still says what it waits for.
TEST_F(WaitingTest, AJobWhoseInputIsLostNamesTheFileAndSaysForHowLong) {
  AddWorker("a");
  const std::string id = Submit(1, 0);
  const std::string lost =
      "/in/a: chunk 0x7 has no live replica (0 of 3). Try: dfs fsck /in/a --locations";
  FailAround("m-00000.0", lost);
  Pass(absl::Seconds(5));
  Pass(absl::Seconds(20));
  ASSERT_NE(WorkerOf("m-00000.1"), nullptr);
  EXPECT_EQ(Wait(id), "m-00000 failed 1 time on 1 worker in 25s, last: " + lost);
  FailAround("m-00000.1", lost);
  EXPECT_EQ(Wait(id), "m-00000 failed 2 times on 1 worker in 25s, last: " + lost);
}

}  // namespace
}  // namespace quern::mr
