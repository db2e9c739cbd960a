#include "common/rpc/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "common/clock.h"
#include "common/fd.h"
#include "common/rpc/channel.h"
#include "common/rpc/unary.h"
#include "common/thread.h"
#include "quern/mr/v1/jobs.grpc.pb.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::rpc {
namespace {

using mr::v1::Jobs;
using testing::AnyOf;
using testing::HasSubstr;

// Kill blocks until Release; GetJob fails with what the id asks for.
class FakeJobs final : public Jobs::Service {
 public:
  grpc::Status Kill(grpc::ServerContext*, const mr::v1::KillRequest*,
                    mr::v1::KillResponse*) override {
    MutexLock lock(&mutex_);
    ++inside_;
    most_inside_ = std::max(most_inside_, inside_);
    changed_.SignalAll();
    while (!released_) changed_.Wait(&mutex_);
    --inside_;
    return grpc::Status::OK;
  }
  grpc::Status GetJob(grpc::ServerContext*, const mr::v1::GetJobRequest* request,
                      mr::v1::GetJobResponse*) override {
    if (request->job_id() == "ended") return {grpc::StatusCode::CANCELLED, ""};
    return ToGrpc(NotFoundError("{}: no such job", request->job_id()));
  }
  void WaitForCalls(int n) {
    MutexLock lock(&mutex_);
    while (inside_ < n) changed_.Wait(&mutex_);
  }
  void Release() {
    MutexLock lock(&mutex_);
    released_ = true;
    changed_.SignalAll();
  }
  int most_inside() {
    MutexLock lock(&mutex_);
    return most_inside_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_inside_ ABSL_GUARDED_BY(mutex_) = 0;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

class ServerTest : public RandomTest {
 protected:
  void StartServer(ServerOptions options = {}) {
    options.watchdog = false;
    auto server = Server::Start(options, {&service_}, {});
    ASSERT_OK(server);
    server_ = std::move(*server);
    stub_ = Jobs::NewStub(MakeChannel(server_->address(), ChannelKind::kControl));
  }
  absl::Status GetJob(const std::string& id, absl::Duration timeout = absl::Seconds(10)) {
    mr::v1::GetJobRequest request;
    request.set_job_id(id);
    mr::v1::GetJobResponse response;
    return Call(timeout, [&](auto* context) { return stub_->GetJob(context, request, &response); });
  }
  absl::Status Kill(absl::Duration timeout = absl::Seconds(20)) {
    mr::v1::KillResponse response;
    return Call(timeout, [&](auto* context) { return stub_->Kill(context, {}, &response); });
  }
  void ExpectAlive() {
    EXPECT_THAT(GetJob("j"), StatusIs(absl::StatusCode::kNotFound, "j: no such job"));
  }
  // Sends raw bytes to the port and returns what comes back before the connection closes.
  std::string SendRaw(const std::string& bytes) {
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_GE(send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    shutdown(socket.get(), SHUT_WR);
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = recv(socket.get(), buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
    return answer;
  }

  FakeJobs service_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Jobs::Stub> stub_;
};

TEST_F(ServerTest, StatusesCrossTheWire) {
  StartServer();
  ExpectAlive();
  EXPECT_THAT(GetJob("名前"), StatusIs(absl::StatusCode::kNotFound, "名前: no such job"));
}

TEST_F(ServerTest, ACallThatEndsWithItsServerMayBeTriedAgain) {
  StartServer();
  EXPECT_THAT(GetJob("ended"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("stopped")));
}

TEST_F(ServerTest, WhyNobodyAnswersIsSaid) {
  StartServer();
  server_->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(WhyNoAnswer(GetJob("j")), "nobody listens there");
  stub_ = Jobs::NewStub(MakeChannel("no-machine.invalid:1", ChannelKind::kControl));
  EXPECT_EQ(WhyNoAnswer(GetJob("j")), "there is no machine of that name");
  EXPECT_EQ(WhyNoAnswer(DeadlineExceededError("Deadline Exceeded")), "it is slow, or hangs");
}

TEST_F(ServerTest, EveryCodeMapsBothWays) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status = MakeStatus(static_cast<absl::StatusCode>(code), "text");
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
}

TEST_F(ServerTest, TwoServersNeverShareAPort) {
  StartServer();
  EXPECT_THAT(Server::Start({.listen = server_->address(), .watchdog = false}, {}, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the port is taken")));
  ExpectAlive();
}

// As many as there are, but for what the process has open already.
std::vector<UniqueFd> TakeAllDescriptors() {
  std::vector<UniqueFd> taken;
  taken.reserve(100'000);
  while (true) {
    UniqueFd one(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!one) return taken;
    taken.push_back(std::move(one));
  }
}

TEST_F(ServerTest, AServerThatRanOutOfDescriptorsTakesConnectionsAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan looks at memory by a pipe: without descriptors every object is wrong";
#endif
  StartServer();
  ExpectAlive();
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {.rlim_cur = 1024, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(server_->port()));
  for (int i = 0; i < 3; ++i) {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::vector<UniqueFd> taken = TakeAllDescriptors();
    ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    // Refused at once: it reads the end, or that the other side is gone.
    pollfd refused{client.get(), POLLIN, 0};
    ASSERT_EQ(poll(&refused, 1, 20'000), 1);
    char byte = 0;
    EXPECT_LE(read(client.get(), &byte, 1), 0);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  const auto fresh = Jobs::NewStub(
      grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), [] {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
        return arguments;
      }()));
  mr::v1::GetJobResponse response;
  EXPECT_THAT(Call(absl::Seconds(20),
                   [&](grpc::ClientContext* context) {
                     mr::v1::GetJobRequest request;
                     request.set_job_id("x");
                     return fresh->GetJob(context, request, &response);
                   }),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ServerTest, EveryAddressOfANameIsServed) {
  StartServer({.listen = "localhost:0"});
  ExpectAlive();
  const auto stub = Jobs::NewStub(
      MakeChannel(fmt::format("127.0.0.1:{}", server_->port()), ChannelKind::kControl));
  mr::v1::GetJobResponse response;
  EXPECT_THAT(
      Call(absl::Seconds(20),
           [&](grpc::ClientContext* context) { return stub->GetJob(context, {}, &response); }),
      StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ServerTest, APortIsFreeAgainAfterShutdown) {
  StartServer();
  const std::string address = server_->address();
  ExpectAlive();
  server_->Shutdown(absl::ZeroDuration());
  StartServer({.listen = address});
  ExpectAlive();
}

// As a process that is being started holds it between its fork and its exec.
UniqueFd CopyOfListeningSocket(int port) {
  for (int fd = 0; fd < 1024; ++fd) {
    int listening = 0;
    socklen_t size = sizeof(listening);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
      continue;
    }
    sockaddr_in at = {};
    size = sizeof(at);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) continue;
    if (at.sin_family == AF_INET && ntohs(at.sin_port) == port) return UniqueFd(dup(fd));
  }
  return {};
}

TEST_F(ServerTest, APortIsFreeAgainThoughAProcessBeingStartedHoldsItsSocket) {
  StartServer();
  const std::string address = server_->address();
  const UniqueFd held = CopyOfListeningSocket(server_->port());
  ASSERT_TRUE(held);
  server_->Shutdown(absl::ZeroDuration());
  StartServer({.listen = address});
  ExpectAlive();
}

TEST_F(ServerTest, BeyondLoopbackOnlyWhenToldSo) {
  EXPECT_THAT(Server::Start({.listen = "0.0.0.0:0"}, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--insecure_network")));
  EXPECT_THAT(Server::Start({.listen = "127.evil.example:0"}, {}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  StartServer({.listen = "0.0.0.0:0", .insecure_network = true});
  EXPECT_EQ(server_->address(), fmt::format("0.0.0.0:{}", server_->port()));
}

TEST_F(ServerTest, BadAddressesAreRefused) {
  for (const char* listen : {"", "localhost", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                             "127.0.0.1:-1", "::1:80", "127.0.0.1:80 "}) {
    EXPECT_THAT(Server::Start({.listen = listen}, {}, {}),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << listen;
  }
}

TEST_F(ServerTest, NobodyThereIsUnavailableAtOnce) {
  StartServer();
  server_->Shutdown(absl::ZeroDuration());
  const absl::Time before = Clock::Real()->MonotonicNow();
  EXPECT_THAT(GetJob("j"), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_LT(Clock::Real()->MonotonicNow() - before, absl::Seconds(5));
}

TEST_F(ServerTest, ADeadlineEndsTheCall) {
  StartServer();
  EXPECT_THAT(Kill(absl::Milliseconds(50)), StatusIs(absl::StatusCode::kDeadlineExceeded));
  service_.Release();
}

TEST_F(ServerTest, CallsBeyondTheThreadLimitAreRefused) {
  constexpr int kLimit = 4;
  StartServer({.max_unary_threads = kLimit});
  std::atomic<int> refused = 0;
  std::vector<Thread> callers;
  for (int i = 0; i < kLimit * 4; ++i) {
    callers.emplace_back("caller", [&] {
      const absl::Status status = Kill();
      if (!absl::IsUnavailable(status)) return;
      EXPECT_TRUE(NeverReached(status)) << status;
      ++refused;
    });
  }
  service_.WaitForCalls(kLimit);
  while (refused < kLimit * 3) Clock::Real()->Sleep(absl::Milliseconds(1));
  service_.Release();
  callers.clear();
  EXPECT_EQ(service_.most_inside(), kLimit);
  EXPECT_EQ(refused, kLimit * 3);
  ExpectAlive();
}

TEST_F(ServerTest, AGarbageCallIsAnErrorAndNothingElse) {
  StartServer();
  grpc::GenericStub stub(MakeChannel(server_->address(), ChannelKind::kControl));
  for (const char* method : {"/quern.mr.v1.Jobs/Submit", "/no.Such/Method", "/"}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::CompletionQueue queue;
    const grpc::Slice garbage(std::string(100, '\xff'));
    const auto call = stub.PrepareUnaryCall(&context, method, {&garbage, 1}, &queue);
    grpc::ByteBuffer response;
    grpc::Status status;
    call->StartCall();
    call->Finish(&response, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_THAT(FromGrpc(status), AnyOf(StatusIs(absl::StatusCode::kInvalidArgument),
                                        StatusIs(absl::StatusCode::kInternal),
                                        StatusIs(absl::StatusCode::kUnimplemented)))
        << method;
  }
  ExpectAlive();
}

TEST_F(ServerTest, OtherProtocolsOnThePortLeaveItAlive) {
  StartServer();
  SendRaw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  SendRaw("");
  for (int round = 0; round < 20; ++round) {
    SendRaw(RandomBytes(Below(3000)));
    SendRaw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + RandomBytes(Below(3000)));
  }
  ExpectAlive();
}

TEST_F(ServerTest, AMessageAboveTheLimitIsRefused) {
  StartServer();
  EXPECT_THAT(GetJob(std::string(9 << 20, 'x')), StatusIs(absl::StatusCode::kResourceExhausted));
  ExpectAlive();
}

TEST_F(ServerTest, ShutdownCancelsWhatOutlivesTheGrace) {
  StartServer();
  absl::Status status;
  Thread caller("caller", [&] { status = Kill(); });
  service_.WaitForCalls(1);
  // A handler that notices nothing holds Shutdown up, so it is let go meanwhile.
  Thread helper("helper", [&] {
    while (!caller.running()) {
    }
    service_.Release();
  });
  server_->Shutdown(absl::Milliseconds(10));
  helper.Join();
  caller.Join();
  EXPECT_THAT(status, AnyOf(IsOk(), StatusIs(absl::StatusCode::kUnavailable),
                            StatusIs(absl::StatusCode::kCancelled)));
  server_->Shutdown(absl::ZeroDuration());  // again: nothing
}

}  // namespace
}  // namespace quern::rpc
