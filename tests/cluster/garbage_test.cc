// Bytes that are no RPC, HTTP requests and RPCs full of nonsense on every port: each is turned
// away, nothing ends, nothing changes.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "common/rpc/channel.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/exchange.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Calls any method with any bytes as its message.
grpc::StatusCode CallWith(const std::string& address, const std::string& method,
                          const std::string& message) {
  grpc::GenericStub stub(rpc::MakeChannel(address, rpc::ChannelKind::kControl));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  grpc::CompletionQueue queue;
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  const auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  return status.error_code();
}

TEST(Garbage, IsTurnedAwayByEveryServer) {
  const auto cluster = Cluster::Start({.chunkservers = 1, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "a\n"}).exit_code, 0);
  const std::string before = cluster->Dfs({"ls", "-R", "/"}).out;

  for (const char* name : {"master", "coordinator", "chunkserver1", "worker1"}) {
    SCOPED_TRACE(name);
    const local::ServerSpec& spec = cluster->spec(name);
    for (uint64_t seed = 0; seed < 5; ++seed) Exchange(spec.ports.rpc, RandomBytesOf(10'000, seed));
    Exchange(spec.ports.rpc, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    Exchange(spec.ports.http, RandomBytesOf(10'000, 1));
    EXPECT_THAT(Exchange(spec.ports.http, "GET /healthz HTTP/1.0\r\n\r\n", kForAnAnswer),
                HasSubstr(" 200 "));
    EXPECT_EQ(CallWith(spec.rpc_address(), "/no.such.Service/Method", "x"),
              grpc::StatusCode::UNIMPLEMENTED);
  }
  // Known methods with messages that are not theirs.
  const std::pair<std::string, std::string> methods[] = {
      {"master", "/quern.dfs.v1.Namespace/Stat"},
      {"master", "/quern.dfs.v1.Namespace/Create"},
      {"master", "/quern.dfs.v1.Cluster/Session"},
      {"chunkserver1", "/quern.dfs.v1.ChunkData/Append"},
      {"chunkserver1", "/quern.dfs.v1.ChunkData/Read"},
      {"coordinator", "/quern.mr.v1.Jobs/Submit"},
      {"coordinator", "/quern.mr.v1.Coordinator/Session"},
      {"worker1", "/quern.mr.v1.Shuffle/Fetch"},
  };
  for (const auto& [name, method] : methods) {
    SCOPED_TRACE(method);
    for (const std::string& message :
         {std::string("\xff\xff\xff\xff"), RandomBytesOf(1000, 1), RandomBytesOf(100'000, 2)}) {
      EXPECT_NE(CallWith(cluster->spec(name).rpc_address(), method, message), grpc::StatusCode::OK);
    }
  }

  EXPECT_EQ(cluster->Dfs({"ls", "-R", "/"}).out, before);
  EXPECT_EQ(cluster->Dfs({"cat", "/a"}).out, "a\n");
  for (const char* name : {"master", "coordinator", "chunkserver1", "worker1"}) {
    EXPECT_TRUE(cluster->IsRunning(name)) << name;
  }
}

}  // namespace
}  // namespace quern::testing
