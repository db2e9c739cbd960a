// More sessions than a machine would like threads.
#include <gmock/gmock.h>

#include "common/rpc/bulk.h"
#include "common/rpc/bulk_codec.h"
#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

constexpr int kServers = 1500;
constexpr int kPerConnection = 200;

class SessionsTest : public MasterTest {
 protected:
  static grpc::ByteBuffer Registration(int number) {
    pb::ServerMessage message;
    pb::ServerMessage::Register* registration = message.mutable_register_();
    registration->set_server_uuid(fmt::format("uuid-{}", number));
    registration->set_address(fmt::format("host-{}:1", number));
    registration->set_node(fmt::format("host-{}", number));
    registration->set_rack("/r");
    for (int disk = 0; disk < 12; ++disk) {
      registration->add_disks()->set_path(fmt::format("/{}/{}", std::string(500, 'd'), disk));
    }
    return rpc::EncodeMessage(message);
  }
};

TEST_F(SessionsTest, ThousandsOfServersAndHealthWatchersAreServedAtOnce) {
  options_.servers.dead_after = absl::Hours(1);
  options_.servers.suspect_after = absl::Hours(1);
  StartMaster();
  rpc::BulkLoop loop;
  std::shared_ptr<grpc::Channel> channel;
  const auto open = [&](int i, const char* method) {
    if (i % kPerConnection == 0) channel = rpc::MakeChannel(listen_, rpc::ChannelKind::kBulk);
    return loop.Open(channel, method, absl::InfiniteDuration());
  };
  for (int i = 0; i < 600; ++i) {
    const grpc::Slice empty("");
    open(i, "/grpc.health.v1.Health/Watch")->Send(grpc::ByteBuffer(&empty, 1));
  }
  for (int i = 0; i < kServers; ++i) {
    open(i, "/quern.dfs.v1.Cluster/Session")->Send(Registration(i));
  }
  int admitted = 0;
  int watched = 0;
  while (admitted < kServers || watched < 600) {
    const rpc::BulkEvent event = loop.Next(absl::Seconds(60));
    ASSERT_NE(event.kind, rpc::BulkEvent::Kind::kTimeout) << admitted << " " << watched;
    ASSERT_NE(event.kind, rpc::BulkEvent::Kind::kFinished) << event.status;
    if (event.kind != rpc::BulkEvent::Kind::kMessage) continue;
    pb::MasterMessage message;
    if (event.message.Length() == 2) {
      ++watched;
    } else if (rpc::DecodeMessage(event.message, &message).ok() && message.has_admitted()) {
      ++admitted;
    }
  }
  // What is known of them all is more than one message holds.
  pb::GetClusterRequest request;
  int servers = 0;
  for (bool more = true; more;) {
    const auto cluster = client_->Call(request);
    ASSERT_OK(cluster.status());
    ASSERT_GT(cluster->servers_size(), 0);
    EXPECT_LT(cluster->ByteSizeLong(), size_t{4} << 20);
    servers += cluster->servers_size();
    for (const auto& server : cluster->servers()) {
      EXPECT_TRUE(server.alive());
      EXPECT_GT(server.address().server_id(), request.start_after_server());
      request.set_start_after_server(server.address().server_id());
    }
    more = cluster->more_servers();
  }
  EXPECT_EQ(servers, kServers);
}

}  // namespace
}  // namespace quern::master
