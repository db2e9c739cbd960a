// Submissions whose coordinator goes away in the middle, or is not there.
#include "mapreduce/cli/coordinator_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/cli/cli.h"
#include "common/mutex.h"
#include "common/rpc/unary.h"
#include "mapreduce/cli/call_patience.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "quern/mr/v1/jobs.grpc.pb.h"
#include "tests/support/jumping_clock.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Answers as it is told.
class FakeCoordinator final : public pb::Jobs::Service {
 public:
  explicit FakeCoordinator(std::function<grpc::Status(int call)> answer)
      : answer_(std::move(answer)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeCoordinator() override { server_->Shutdown(); }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  int calls() const {
    MutexLock lock(&mutex_);
    return calls_;
  }
  size_t requests() const {
    MutexLock lock(&mutex_);
    return requests_.size();
  }

  grpc::Status Submit(grpc::ServerContext*, const pb::SubmitRequest* request,
                      pb::SubmitResponse* response) override {
    MutexLock lock(&mutex_);
    requests_.emplace(request->header().client_id(), request->header().request_id());
    response->set_job_id("job-1");
    return answer_(++calls_);
  }
  grpc::Status Kill(grpc::ServerContext*, const pb::KillRequest* request,
                    pb::KillResponse* response) override {
    MutexLock lock(&mutex_);
    killed_.push_back(request->job_id());
    response->mutable_status()->set_job_id(request->job_id());
    response->mutable_status()->set_state(pb::JOB_STATE_KILLED);
    return answer_(++calls_);
  }
  // A pipeline of two stages, of which the job of the first is forgotten.
  grpc::Status GetJob(grpc::ServerContext*, const pb::GetJobRequest* request,
                      pb::GetJobResponse* response) override {
    response->mutable_status()->set_job_id(request->job_id());
    for (const char* stage : {"first", "second"}) {
      pb::JobStatus::Stage* const added = response->mutable_status()->add_stages();
      added->set_name(stage);
      added->set_job_id(fmt::format("job-of-{}", stage));
      added->set_state(pb::JobStatus::Stage::STATE_DONE);
    }
    return grpc::Status::OK;
  }
  grpc::Status ListTasks(grpc::ServerContext*, const pb::ListTasksRequest* request,
                         pb::ListTasksResponse*) override {
    if (request->job_id() != "job-of-first") return grpc::Status::OK;
    return rpc::AnswerOf(NotFoundError("{}: no such job. Try: mr list", request->job_id()));
  }
  std::vector<std::string> killed() const {
    MutexLock lock(&mutex_);
    return killed_;
  }

 private:
  const std::function<grpc::Status(int call)> answer_;
  mutable Mutex mutex_;
  std::set<std::pair<uint64_t, uint64_t>> requests_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> killed_ ABSL_GUARDED_BY(mutex_);
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// As gRPC says it of a connection that breaks.
grpc::Status Broken() { return {grpc::StatusCode::UNAVAILABLE, "Socket closed"}; }

class CoordinatorClientTest : public testing::Test {
 protected:
  absl::Status Submit(const FakeCoordinator& coordinator, bool dry_run = false) {
    CoordinatorClient client({coordinator.address()}, &clock_);
    pb::SubmitRequest request;
    request.set_dry_run(dry_run);
    return client.Submit(request).status();
  }
  JumpingClock clock_;
};

TEST_F(CoordinatorClientTest, WhatBrokeAfterMinutesIsAskedForAgain) {
  const FakeCoordinator coordinator([&](int call) {
    if (call <= 2) clock_.AdvanceTime(absl::Minutes(3));
    return call <= 2 ? Broken() : grpc::Status::OK;
  });
  EXPECT_OK(Submit(coordinator));
  EXPECT_EQ(coordinator.calls(), 3);
  EXPECT_EQ(coordinator.requests(), 1u) << "one submission, whoever accepted it";
}

TEST_F(CoordinatorClientTest, ALostAnswerIsNoRejection) {
  const FakeCoordinator coordinator([](int) { return Broken(); });
  const absl::Status lost = Submit(coordinator);
  EXPECT_THAT(lost, StatusIs(Code::kDeadlineExceeded, HasSubstr("may have been accepted")));
  EXPECT_THAT(std::string(Message(lost)), HasSubstr("mr list"));
  EXPECT_EQ(ExitOfSubmission(lost), kExitFailed);
  EXPECT_THAT(Submit(coordinator, /*dry_run=*/true), StatusIs(Code::kUnavailable));
}

TEST_F(CoordinatorClientTest, WhatNobodyWorksOnEndsInItsTime) {
  const FakeCoordinator coordinator([&](int) {
    clock_.AdvanceTime(absl::Minutes(3));
    return Broken();
  });
  EXPECT_THAT(Submit(coordinator), StatusIs(Code::kDeadlineExceeded));
  EXPECT_LE(coordinator.calls(), 5);
}

TEST_F(CoordinatorClientTest, WhoWorksOnItIsWaitedFor) {
  const FakeCoordinator coordinator([&](int call) {
    if (call == 1) return Broken();
    clock_.AdvanceTime(absl::Seconds(4));
    return call < 30 ? rpc::AnswerOf(UnavailableError("{}", kBeingAccepted)) : grpc::Status::OK;
  });
  EXPECT_OK(Submit(coordinator));
  EXPECT_EQ(coordinator.requests(), 1u);
}

TEST_F(CoordinatorClientTest, AnAnswerIsARejection) {
  const FakeCoordinator coordinator(
      [](int) { return rpc::AnswerOf(UnavailableError("the master does not answer")); });
  const absl::Status refused = Submit(coordinator);
  EXPECT_THAT(refused, StatusIs(Code::kUnavailable, HasSubstr("the master does not answer")));
  EXPECT_EQ(ExitOfSubmission(refused), kExitRejected);
}

// The coordinator asks its master for as long as that may take, each time.
TEST_F(CoordinatorClientTest, AnAnswerThatTookLongIsNotAskedForAgainAndAgain) {
  const FakeCoordinator coordinator([&](int) {
    clock_.AdvanceTime(absl::Seconds(20));
    return rpc::AnswerOf(UnavailableError("the master does not answer"));
  });
  EXPECT_THAT(Submit(coordinator),
              StatusIs(Code::kUnavailable, HasSubstr("the master does not answer")));
  EXPECT_LE(coordinator.calls(), 2);
}

TEST_F(CoordinatorClientTest, WhatWasNeverSubmittedIsRejected) {
  EXPECT_EQ(ExitOfSubmission(DeadlineExceededError("the master hangs: upload of the plugin")),
            kExitRejected);
}

TEST_F(CoordinatorClientTest, WhereNobodyListensNothingWasAccepted) {
  CoordinatorClient client({"127.0.0.1:1"}, &clock_);
  EXPECT_THAT(client.Submit({}).status(),
              StatusIs(Code::kUnavailable, HasSubstr("nobody listens there")));
}

// A process that was stopped takes connections, and a try to connect ends after 3 s.
TEST(CallPatienceTest, WhoTakesConnectionsAndSaysNothingIsWaitedForFiveSeconds) {
  const absl::Time start = absl::UnixEpoch();
  CallPatience patience(start, absl::Seconds(30));
  EXPECT_EQ(patience.ToReach(start), absl::Seconds(5));
  const absl::Time first = start + absl::Seconds(3);
  EXPECT_TRUE(patience.Failed(CallPatience::Failure::kNeverReached, start, first));
  EXPECT_EQ(patience.ToReach(first), absl::Seconds(2)) << "and no second try of 3 s";
  const absl::Time second = first + absl::Seconds(2);
  EXPECT_TRUE(patience.Failed(CallPatience::Failure::kNeverReached, first, second));
  EXPECT_FALSE(patience.Failed(CallPatience::Failure::kNeverReached, second,
                               second + absl::Milliseconds(100)));
}

TEST(CallPatienceTest, WhoWorkedOnItForMinutesIsGivenTheTimeToComeBack) {
  const absl::Time start = absl::UnixEpoch();
  CallPatience patience(start, absl::Minutes(10));
  const absl::Time gone = start + absl::Minutes(3);
  EXPECT_TRUE(patience.Failed(CallPatience::Failure::kBroken, start, gone));
  EXPECT_EQ(patience.ToReach(gone), absl::Seconds(5));
}

TEST_F(CoordinatorClientTest, OneThatCannotBeKilledDoesNotKeepTheOthersAlive) {
  const FakeCoordinator coordinator([](int call) {
    return call == 1 ? rpc::AnswerOf(NotFoundError("job-1")) : grpc::Status::OK;
  });
  EXPECT_EQ(
      RunMr({"mr", "kill", "job-1", "job-2", "job-3", "--coordinator", coordinator.address()}),
      kExitFailed);
  EXPECT_THAT(coordinator.killed(), ElementsAre("job-1", "job-2", "job-3"));
}

TEST_F(CoordinatorClientTest, LogsOfAPipelineGoOnBehindAJobThatIsForgotten) {
  const FakeCoordinator coordinator([](int) { return grpc::Status::OK; });
  ::testing::internal::CaptureStderr();
  const int code =
      RunMr({"mr", "logs", "pipeline-20261122-0001", "--coordinator", coordinator.address()});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "mr logs: stage first: job-of-first is no longer known\n"
            "mr logs: job-of-second: no attempts are remembered\n");
  EXPECT_EQ(code, kExitOk) << "what is known was shown";
  ::testing::internal::CaptureStderr();
  RunMr({"mr", "logs", "pipeline-20261122-0001", "--json", "--coordinator", coordinator.address()});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "{\"warning\":\"stage first: job-of-first is no longer known\"}\n"
            "{\"warning\":\"job-of-second: no attempts are remembered\"}\n")
      << "an object a line";
}

}  // namespace
}  // namespace quern::mr
