// A coordinator and workers in one process, over real connections, with a fake quern-task: jobs run
// to their published output while the coordinator restarts and sessions break.
#include <gmock/gmock.h>
#include <grpcpp/impl/service_type.h>
#include <gtest/gtest.h>

#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "mapreduce/coordinator/service/coordinator_services.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/worker/coordinator_session.h"
#include "mapreduce/worker/worker.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/mapreduce/worker/worker_fixture.h"

namespace quern::mr {
namespace {

// As many maps and reduces as the spec's name and reduce.tasks say, without any input.
class FakePlanner final : public JobPlanner {
 public:
  absl::StatusOr<PlannedJob> Plan(pb::JobSpec spec, uint32_t) override {
    PlannedJob plan;
    plan.map_splits.resize(static_cast<size_t>(std::stoi(spec.name())));
    plan.spec = std::move(spec);
    return plan;
  }
};

class CoordinatorProcess {
 public:
  CoordinatorProcess(std::shared_ptr<MemoryJournalStorage> storage, PublishFiles* files,
                     const std::string& listen)
      : coordinator(OpenMemoryJournal(std::move(storage)), &planner_, files, {}) {
    EXPECT_TRUE(coordinator.Start().ok());
    jobs_ = MakeJobsService(&coordinator);
    rpc::ServerOptions options;
    options.listen = listen;
    options.watchdog = false;
    server_ =
        *rpc::Server::Start(options, {jobs_.get()}, CoordinatorStreams(&coordinator, &channels_));
  }
  ~CoordinatorProcess() {
    coordinator.Shutdown();
    server_->Shutdown(absl::ZeroDuration());
  }
  const std::string& address() const { return server_->address(); }

 private:
  FakePlanner planner_;
  rpc::ChannelCache channels_;

 public:
  Coordinator coordinator;

 private:
  std::unique_ptr<grpc::Service> jobs_;
  std::unique_ptr<rpc::Server> server_;
};

class WorkerProcess {
 public:
  WorkerProcess(const std::string& coordinator, const std::string& node)
      : worker_(&parts_.context), session_({coordinator}, Handlers(node)) {
    parts_.context.node = node;
    parts_.context.report = [this](pb::WorkerMessage message) {
      session_.Send(std::move(message));
    };
    session_.Start();
  }
  ~WorkerProcess() {
    worker_.Shutdown();
    session_.Shutdown();
  }

 private:
  CoordinatorSession::Handlers Handlers(const std::string& node) {
    CoordinatorSession::Handlers handlers;
    handlers.make_register = [this, node] {
      pb::WorkerMessage::Register message;
      message.set_worker_id(parts_.scratch()->worker_id());
      message.set_address("127.0.0.1:7");
      message.set_node(node);
      message.set_slots(2);
      worker_.FillRegister(&message);
      return message;
    };
    handlers.admitted = [this](const auto& admitted) {
      return worker_.OnAdmitted(admitted.cluster_id());
    };
    handlers.make_heartbeat = [this] {
      pb::WorkerMessage::Heartbeat beat;
      worker_.FillHeartbeat(&beat);
      return beat;
    };
    handlers.late_reports = [this] { return worker_.TakeLateReports(); };
    handlers.acknowledged = [this](const auto& message) { worker_.OnAcknowledged(message); };
    handlers.order = [this](const pb::WorkerOrder& order) { worker_.OnOrder(order); };
    return handlers;
  }

  WorkerParts parts_;
  Worker worker_;
  CoordinatorSession session_;
};

// Registers with what another cluster has left, and without it when it hears whose coordinator this
// is; then it only notes what it is told to do.
class Stranger {
 public:
  Stranger(const std::string& coordinator, pb::WorkerMessage::Register registration)
      : registration_(std::move(registration)), session_({coordinator}, Handlers()) {
    session_.Start();
  }
  ~Stranger() { session_.Shutdown(); }

  // Until it is told to do anything, or a minute is over.
  std::vector<std::string> WaitForOrders() {
    const absl::Time deadline = Clock::Real()->MonotonicNow() + absl::Minutes(1);
    MutexLock lock(&mutex_);
    while (orders_.empty() && Clock::Real()->MonotonicNow() < deadline) {
      changed_.WaitFor(&mutex_, absl::Seconds(1));
    }
    return orders_;
  }

 private:
  CoordinatorSession::Handlers Handlers() {
    CoordinatorSession::Handlers handlers;
    handlers.make_register = [this] { return registration_; };
    handlers.admitted = [this](const auto& admitted) {
      if (registration_.cluster_id() == admitted.cluster_id()) return false;
      registration_.set_cluster_id(admitted.cluster_id());
      registration_.clear_held();
      registration_.clear_ended();
      registration_.clear_running();
      return true;
    };
    handlers.make_heartbeat = [] { return pb::WorkerMessage::Heartbeat(); };
    handlers.late_reports = [] { return std::vector<pb::WorkerMessage>(); };
    handlers.acknowledged = [](const auto&) {};
    handlers.order = [this](const pb::WorkerOrder& order) {
      MutexLock lock(&mutex_);
      if (order.has_launch()) orders_.push_back(FormatAttempt(order.launch().task().id()));
      if (order.has_kill()) orders_.push_back("kill " + FormatAttempt(order.kill().id()));
      if (order.has_forget()) orders_.push_back("forget " + order.forget().job_id());
      changed_.SignalAll();
    };
    return handlers;
  }

  pb::WorkerMessage::Register registration_;  // of the session's thread
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> orders_ ABSL_GUARDED_BY(mutex_);
  CoordinatorSession session_;
};

class SessionTest : public testing::Test {
 protected:
  SessionTest() { StartCoordinator("127.0.0.1:0"); }

  void StartCoordinator(const std::string& listen) {
    coordinator_ = std::make_unique<CoordinatorProcess>(storage_, &files_, listen);
  }
  void RestartCoordinator() {
    const std::string address = coordinator_->address();
    coordinator_.reset();
    StartCoordinator(address);
  }

  std::string Submit(uint32_t maps, uint32_t reduces, const std::string& what = "done") {
    pb::SubmitRequest request;
    request.mutable_header()->set_client_id(1);
    request.mutable_header()->set_request_id(++requests_);
    *request.mutable_spec() = MakeTask(what).job();
    request.mutable_spec()->set_name(std::to_string(maps));
    request.mutable_spec()->mutable_reduce()->set_tasks(reduces);
    request.mutable_spec()->mutable_limits()->set_attempts(2);
    request.mutable_spec()->mutable_output()->set_path("/out");
    const auto response = coordinator_->coordinator.Submit(request);
    EXPECT_TRUE(response.ok()) << response.status();
    // What the fake task says it has written.
    for (uint32_t term = 0; term < 3; ++term) {
      for (uint32_t task = 0; task < std::max(maps, reduces); ++task) {
        for (uint32_t attempt = 0; attempt < 4; ++attempt) {
          files_.Add(fmt::format("/.quern/jobs/{}/r-{:05}.{}/part", response->job_id(), task,
                                 term * JobTasks::kNumbersPerTerm + attempt),
                     "x");
        }
      }
    }
    return response->job_id();
  }

  pb::JobStatus WaitForEnd(const std::string& job_id) {
    Mutex mutex;
    CondVar changed;
    const uint64_t watch = coordinator_->coordinator.Watch(job_id, [&] { changed.SignalAll(); });
    const absl::Time deadline = Clock::Real()->MonotonicNow() + absl::Seconds(60);
    pb::JobStatus status;
    while (Clock::Real()->MonotonicNow() < deadline) {
      status = *coordinator_->coordinator.GetJob(job_id);
      if (status.finished_ms() != 0) break;
      MutexLock lock(&mutex);
      changed.WaitFor(&mutex, absl::Milliseconds(20));
    }
    coordinator_->coordinator.Unwatch(watch);
    return status;
  }

  std::shared_ptr<MemoryJournalStorage> storage_ = NewMemoryJournalStorage();
  FakeFiles files_;
  std::unique_ptr<CoordinatorProcess> coordinator_;
  uint64_t requests_ = 0;
};

TEST_F(SessionTest, AJobRunsToItsPublishedOutput) {
  WorkerProcess a(coordinator_->address(), "a");
  WorkerProcess b(coordinator_->address(), "b");
  const pb::JobStatus status = WaitForEnd(Submit(4, 2));
  EXPECT_EQ(status.state(), pb::JOB_STATE_SUCCEEDED) << status.ShortDebugString();
  // The fake reduces do not wait for all maps, so how many of these came to their end is open.
  EXPECT_EQ(status.map().total(), 4u);
  EXPECT_EQ(status.reduce().done(), 2u);
  EXPECT_TRUE(files_.Has("/out/part-r-00001"));
  EXPECT_TRUE(files_.Has("/out/_SUCCESS"));
}

TEST_F(SessionTest, AJobWaitsForItsFirstWorker) {
  const std::string job = Submit(1, 1);
  WorkerProcess late(coordinator_->address(), "a");
  EXPECT_EQ(WaitForEnd(job).state(), pb::JOB_STATE_SUCCEEDED);
}

TEST_F(SessionTest, AJobGoesOnAfterTheCoordinatorRestarted) {
  WorkerProcess a(coordinator_->address(), "a");
  const std::string job = Submit(6, 1);
  RestartCoordinator();
  const pb::JobStatus status = WaitForEnd(job);
  EXPECT_EQ(status.state(), pb::JOB_STATE_SUCCEEDED) << status.ShortDebugString();
  EXPECT_EQ(status.map().failed_attempts(), 0u);
}

// Where the coordinator's disk was replaced, jobs have the names of those before.
TEST_F(SessionTest, NothingOfAnotherClusterIsTakenUp) {
  const std::string job = Submit(3, 0);
  RestartCoordinator();  // it takes up attempts of its earlier terms that its journal lacks
  pb::WorkerMessage::Register registration;
  registration.set_worker_id("w-1");
  registration.set_slots(1);
  registration.set_process(1);
  registration.set_cluster_id("another");
  pb::AttemptId id = MakeTask("done").id();
  id.set_job_id(job);
  *registration.add_held()->mutable_id() = id;
  id.set_task(1);
  auto* failed = registration.add_ended();
  *failed->mutable_id() = id;
  failed->set_state(pb::ATTEMPT_STATE_FAILED);
  id.set_task(2);
  *registration.add_running() = id;
  Stranger worker(coordinator_->address(), registration);
  EXPECT_THAT(worker.WaitForOrders(), testing::ElementsAre("m-00000.1000"));
  const pb::JobStatus status = *coordinator_->coordinator.GetJob(job);
  EXPECT_EQ(status.map().done(), 0u);
  EXPECT_EQ(status.map().failed_attempts(), 0u);
  EXPECT_EQ(status.map().running(), 1u);
}

TEST_F(SessionTest, AFailingJobSaysWhyAndPublishesNothing) {
  WorkerProcess a(coordinator_->address(), "a");
  const pb::JobStatus status = WaitForEnd(Submit(1, 0, "segfault"));
  EXPECT_EQ(status.state(), pb::JOB_STATE_FAILED);
  EXPECT_THAT(status.reason(), testing::HasSubstr("m-00000 failed 2 times"));
  EXPECT_THAT(status.reason(), testing::HasSubstr("signal 11"));
  EXPECT_THAT(status.failure().log_tail(), testing::HasSubstr("at work in process"));
  EXPECT_FALSE(files_.Has("/out/_SUCCESS"));
}

TEST_F(SessionTest, AKilledJobEndsItsProcesses) {
  WorkerProcess a(coordinator_->address(), "a");
  const std::string job = Submit(1, 0, "hang");
  pb::KillRequest request;
  request.set_job_id(job);
  request.set_reason("by its user");
  const auto response = Kill(&coordinator_->coordinator, request);
  ASSERT_TRUE(response.ok()) << response.status();
  const pb::JobStatus status = WaitForEnd(job);
  EXPECT_TRUE(Kill(&coordinator_->coordinator, request).ok()) << "the same again";
  EXPECT_EQ(status.state(), pb::JOB_STATE_KILLED);
  EXPECT_EQ(status.reason(), "by its user");
}

}  // namespace
}  // namespace quern::mr
