// A worker without a coordinator: orders in, reports out.
#include "mapreduce/worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <thread>

#include "common/storage/file_io.h"
#include "tests/mapreduce/worker/worker_fixture.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    parts_.context.clock = &clock_;
    parts_.context.report = [this](pb::WorkerMessage message) {
      MutexLock lock(&mutex_);
      reports_.push_back(std::move(message));
      reported_.SignalAll();
    };
  }
  void StartWorker() { worker_ = std::make_unique<Worker>(&parts_.context); }

  void Launch(const pb::TaskSpec& task) {
    pb::WorkerOrder order;
    order.set_log_index(++orders_);
    *order.mutable_launch()->mutable_task() = task;
    worker_->OnOrder(order);
  }
  // Waits for the next final report.
  pb::WorkerMessage::AttemptUpdate NextReport() {
    MutexLock lock(&mutex_);
    while (true) {
      while (reports_.empty()) reported_.Wait(&mutex_);
      const pb::WorkerMessage message = std::move(reports_.front());
      reports_.pop_front();
      if (message.update().has_progress()) last_status_ = message.update().progress().status();
      if (message.update().state() >= pb::ATTEMPT_STATE_SUCCEEDED) return message.update();
    }
  }
  // Waits until it asks for map outputs.
  pb::WorkerMessage::WantOutputs NextWant() {
    MutexLock lock(&mutex_);
    while (true) {
      while (reports_.empty()) reported_.Wait(&mutex_);
      const pb::WorkerMessage message = std::move(reports_.front());
      reports_.pop_front();
      if (message.has_want_outputs()) return message.want_outputs();
    }
  }
  void DropReports() {
    MutexLock lock(&mutex_);
    reports_.clear();
  }
  // Whether the next final report is there without any waiting.
  bool HasFinalReport() {
    MutexLock lock(&mutex_);
    return std::any_of(reports_.begin(), reports_.end(), [](const pb::WorkerMessage& message) {
      return message.update().state() >= pb::ATTEMPT_STATE_SUCCEEDED;
    });
  }
  pb::WorkerMessage::Register Registration() {
    pb::WorkerMessage::Register message;
    worker_->FillRegister(&message);
    return message;
  }
  pb::WorkerMessage::Heartbeat Heartbeat() {
    pb::WorkerMessage::Heartbeat message;
    worker_->FillHeartbeat(&message);
    return message;
  }
  void Acknowledge(const pb::AttemptId& id) {
    pb::CoordinatorMessage::Acknowledged message;
    *message.add_ids() = id;
    worker_->OnAcknowledged(message);
  }

  SimulatedClock clock_;
  WorkerParts parts_;
  uint64_t orders_ = 0;
  std::string last_status_;
  Mutex mutex_;
  CondVar reported_;
  std::deque<pb::WorkerMessage> reports_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Worker> worker_;  // last: its threads use the others
};

TEST_F(WorkerTest, AnEndIsReportedUntilItIsAcknowledged) {
  StartWorker();
  Launch(MakeTask("failed"));
  const pb::AttemptId id = NextReport().id();
  EXPECT_THAT(worker_->TakeLateReports(), IsEmpty());
  clock_.AdvanceTime(absl::Seconds(6));
  ASSERT_THAT(worker_->TakeLateReports(), SizeIs(1));
  EXPECT_THAT(Registration().ended(), SizeIs(1));
  Acknowledge(id);
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_THAT(worker_->TakeLateReports(), IsEmpty());
  EXPECT_THAT(Registration().ended(), IsEmpty());
}

TEST_F(WorkerTest, ASuccessStaysHeldAfterItsAcknowledgement) {
  StartWorker();
  Launch(MakeTask("done"));
  Acknowledge(NextReport().id());
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_THAT(worker_->TakeLateReports(), IsEmpty());
  EXPECT_THAT(Registration().held(), SizeIs(1));
}

// At every moment an attempt runs, or its end is in the registration: whatever happens to sessions,
// the coordinator hears of it. A heartbeat lists it until its end is on its way, also where a
// registration would say already that its output is held.
TEST_F(WorkerTest, AnAttemptIsRunningOrEndedAtEveryMoment) {
  StartWorker();
  for (uint32_t task = 0; task < 20; ++task) {
    Launch(MakeTask(task % 2 == 0 ? "done" : "failed", task));
    while (true) {
      const pb::WorkerMessage::Register now = Registration();
      ASSERT_EQ(now.running_size() + now.ended_size() + now.held_size(), task + 1)
          << now.ShortDebugString();
      if (Heartbeat().running().empty()) break;
    }
    ASSERT_TRUE(HasFinalReport()) << "it was queued before the heartbeat was made";
    EXPECT_EQ(NextReport().id().task(), task);
    EXPECT_THAT(Registration().running(), IsEmpty());
  }
}

TEST_F(WorkerTest, AHeartbeatSaysWhatRuns) {
  StartWorker();
  EXPECT_EQ(Heartbeat().last_order(), 0u);
  Launch(MakeTask("hang"));
  EXPECT_THAT(Heartbeat().running(), SizeIs(1));
  EXPECT_EQ(Heartbeat().last_order(), 1u);
  Registration();
  EXPECT_EQ(Heartbeat().last_order(), 0u) << "a new session";
}

TEST_F(WorkerTest, AQuickAttemptSaysHowFarItCame) {
  StartWorker();
  Launch(MakeTask("long-status"));
  EXPECT_EQ(NextReport().state(), pb::ATTEMPT_STATE_SUCCEEDED);
  EXPECT_THAT(Heartbeat().progress(), IsEmpty()) << "said before its end";
  EXPECT_THAT(last_status_, HasSubstr("line"));
}

TEST_F(WorkerTest, AnAttemptThatIsAskedForAgainIsReportedAgain) {
  StartWorker();
  Launch(MakeTask("done"));
  const auto first = NextReport();
  Acknowledge(first.id());
  Launch(MakeTask("done"));
  EXPECT_EQ(NextReport().SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(parts_.fetches, 1) << "it did not run again";
}

TEST_F(WorkerTest, AForgottenJobLeavesOnlyLogsWhenItsLastAttemptHasEnded) {
  StartWorker();
  Launch(MakeTask("done", 0));
  const pb::AttemptId done = NextReport().id();
  const std::string output = *parts_.scratch()->FindMapOutput(done);
  Launch(MakeTask("hang", 1));
  pb::WorkerOrder order;
  order.mutable_forget()->set_job_id(done.job_id());
  worker_->OnOrder(order);
  EXPECT_THAT(Registration().held(), IsEmpty()) << "at once";
  EXPECT_EQ(NextReport().state(), pb::ATTEMPT_STATE_KILLED);
  while (FileSystem::Real()->Exists(output)) std::this_thread::yield();
}

TEST_F(WorkerTest, AnotherClusterHearsNothingOfTheOneBefore) {
  StartWorker();
  EXPECT_EQ(Registration().cluster_id(), "");
  EXPECT_FALSE(worker_->OnAdmitted("one"));
  EXPECT_EQ(Registration().cluster_id(), "one");
  Launch(MakeTask("done", 0));
  const auto first = NextReport();
  Launch(MakeTask("failed", 1));
  NextReport();
  Launch(MakeTask("hang", 2));
  EXPECT_TRUE(worker_->OnAdmitted("two")) << "it has to register anew";
  const pb::WorkerMessage::Register now = Registration();
  EXPECT_EQ(now.cluster_id(), "two");
  EXPECT_THAT(now.held(), IsEmpty());
  EXPECT_THAT(now.ended(), IsEmpty());
  EXPECT_THAT(now.running(), IsEmpty());
  clock_.AdvanceTime(absl::Minutes(1));
  EXPECT_THAT(worker_->TakeLateReports(), IsEmpty());
  EXPECT_FALSE(worker_->OnAdmitted("two"));

  DropReports();  // those of the session that ended
  Launch(MakeTask("done", 0));
  const auto again = NextReport();
  EXPECT_EQ(again.id().SerializeAsString(), first.id().SerializeAsString());
  EXPECT_NE(again.result().counters(0).value(), first.result().counters(0).value())
      << "its process has the code of the job that had the name before";
}

TEST_F(WorkerTest, AnotherClustersOutputsAreNotTheOnesBefore) {
  StartWorker();
  EXPECT_FALSE(worker_->OnAdmitted("one"));
  const pb::TaskSpec reduce = MakeTask("wait-for-output", 0, pb::TASK_KIND_REDUCE);
  Launch(reduce);
  EXPECT_EQ(NextWant().version(), 0u);
  pb::WorkerOrder order;
  order.set_term(1);
  pb::WorkerOrder::OutputDelta* const delta = order.mutable_output_delta();
  delta->set_job_id(reduce.id().job_id());
  delta->set_to(1);
  delta->add_holders()->set_id(5);
  delta->add_map_tasks(0);
  delta->add_attempts(0);
  delta->add_holder_ids(5);
  worker_->OnOrder(order);
  EXPECT_EQ(NextReport().state(), pb::ATTEMPT_STATE_SUCCEEDED);

  EXPECT_TRUE(worker_->OnAdmitted("two"));
  DropReports();
  Launch(reduce);
  EXPECT_EQ(NextWant().version(), 0u) << "from the beginning";
}

TEST_F(WorkerTest, AWorkerThatCannotStartProcessesSaysSoAndComesBackByItself) {
  const TempDir dir;
  const std::string binary = dir / "task";
  const auto write = [&](const std::string& script) {
    std::ofstream(binary + ".new") << "#!/bin/sh\n" << script << "\n";
    chmod((binary + ".new").c_str(), 0755);
    ASSERT_TRUE(FileSystem::Real()->Rename(binary + ".new", binary).ok());
  };
  write("echo something is missing >&2; exit 1");
  TaskPool pool(binary, 1);
  parts_.context.processes = &pool;
  StartWorker();
  for (uint32_t task = 0; task < 3; ++task) {
    EXPECT_EQ(Heartbeat().unhealthy(), "");
    Launch(MakeTask("done", task));
    const auto update = NextReport();
    EXPECT_TRUE(update.failure().worker());
    EXPECT_THAT(update.failure().message(), HasSubstr("something is missing"));
  }
  EXPECT_THAT(Heartbeat().unhealthy(), HasSubstr("could not start 3 task processes in a row"));
  EXPECT_EQ(Registration().unhealthy(), Heartbeat().unhealthy());
  write("exec '" + FakeTaskBinary() + "' \"$@\"");
  clock_.AdvanceTime(WorkerHealth::kFirstPause);
  while (!Heartbeat().unhealthy().empty()) std::this_thread::yield();
}

}  // namespace
}  // namespace quern::mr
