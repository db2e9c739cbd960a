// Calls that are answered later, by other threads, also while the server stops.
#include "common/rpc/async_unary.h"

#include <grpcpp/grpcpp.h>

#include <atomic>

#include "common/notification.h"
#include "common/rpc/channel.h"
#include "common/rpc/deadline.h"
#include "common/rpc/server.h"
#include "common/rpc/unary.h"
#include "common/thread.h"
#include "quern/mr/v1/jobs.grpc.pb.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

using mr::v1::GetJobRequest;
using mr::v1::GetJobResponse;
using mr::v1::Jobs;

class AsyncUnaryTest : public ::testing::Test {
 protected:
  using Service = Jobs::WithAsyncMethod_GetJob<Jobs::Service>;
  struct Waiting {
    const GetJobRequest* request;
    Respond<GetJobResponse> respond;
  };

  AsyncUnaryTest()
      : method_(MakeAsyncMethod<GetJobRequest, GetJobResponse>(
            &service_, &Service::RequestGetJob,
            [this](const GetJobRequest& request, absl::Time, Respond<GetJobResponse> respond) {
              MutexLock lock(&mutex_);
              waiting_.push_back({&request, std::move(respond)});
              changed_.SignalAll();
            })) {}

  void StartServer() {
    auto server = Server::Start({.watchdog = false}, {&service_}, {}, {method_.get()});
    ASSERT_OK(server);
    server_ = *std::move(server);
    const auto channel = MakeChannel(server_->address(), ChannelKind::kControl);
    ASSERT_TRUE(channel->WaitForConnected(DeadlineAfter(absl::Seconds(10))));
    stub_ = Jobs::NewStub(channel);
  }
  absl::StatusOr<std::string> GetJob(const std::string& id,
                                     absl::Duration timeout = absl::Seconds(20)) {
    GetJobRequest request;
    request.set_job_id(id);
    GetJobResponse response;
    const absl::Status status =
        Call(timeout, [&](auto* context) { return stub_->GetJob(context, request, &response); });
    if (!status.ok()) return status;
    return response.status().job_id();
  }
  // Waits until so many calls wait, and takes them.
  std::vector<Waiting> Take(size_t count) {
    MutexLock lock(&mutex_);
    while (waiting_.size() < count) changed_.Wait(&mutex_);
    return std::exchange(waiting_, {});
  }
  // The id that was asked for, or an error where it is "bad".
  static void Answer(const Waiting& call) {
    if (call.request->job_id() == "bad") {
      call.respond(NotFoundError("no such job"));
      return;
    }
    GetJobResponse response;
    response.mutable_status()->set_job_id(call.request->job_id());
    call.respond(std::move(response));
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  Service service_;
  std::unique_ptr<AsyncMethod> method_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Jobs::Stub> stub_;
};

TEST_F(AsyncUnaryTest, ManyCallsWaitAtOnceAndEachGetsItsOwnAnswer) {
  constexpr int kCallers = 50;
  StartServer();
  std::vector<Thread> callers;
  std::atomic<int> right = 0;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back("caller", [&, i] {
      const std::string id = i == 7 ? "bad" : std::to_string(i);
      const auto answer = GetJob(id);
      right += i == 7 ? answer.status() == NotFoundError("no such job") : answer.value() == id;
    });
  }
  // All are here at the same time; two threads answer them.
  const std::vector<Waiting> calls = Take(kCallers);
  Thread other("other", [&] {
    for (size_t i = 0; i < calls.size(); i += 2) Answer(calls[i]);
  });
  for (size_t i = 1; i < calls.size(); i += 2) Answer(calls[i]);
  callers.clear();
  EXPECT_EQ(right, kCallers);
}

TEST_F(AsyncUnaryTest, ACallerThatGaveUpDoesNoHarm) {
  StartServer();
  EXPECT_THAT(GetJob("late", absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  Answer(Take(1).front());
  Thread caller("caller", [&] { EXPECT_EQ(GetJob("next").value(), "next"); });
  Answer(Take(1).front());
}

TEST_F(AsyncUnaryTest, TheServerStopsWhenTheLastCallIsAnswered) {
  StartServer();
  Thread caller("caller", [&] { GetJob("cut off").status().IgnoreError(); });
  const std::vector<Waiting> calls = Take(1);
  Notification stopped;
  Thread stopping("stopping", [&] {
    server_->Shutdown(absl::ZeroDuration());
    stopped.Notify();
  });
  caller.Join();  // it is told at once; the server still waits for the answer
  Answer(calls.front());
  stopped.Wait();
  EXPECT_THAT(GetJob("after"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AsyncUnaryTest, AServerThatCannotStartLeavesNothingBehind) {
  StartServer();
  Service second;
  const auto method = MakeAsyncMethod<GetJobRequest, GetJobResponse>(
      &second, &Service::RequestGetJob,
      [](const GetJobRequest&, absl::Time, Respond<GetJobResponse>) {});
  EXPECT_THAT(Server::Start({.listen = server_->address(), .watchdog = false}, {&second}, {},
                            {method.get()}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace quern::rpc
