// What happens to sealed chunks: repair, garbage, and a master that must not believe itself.
#include <gmock/gmock.h>

#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Code = absl::StatusCode;
using Order = pb::Order;

class RepairTest : public MasterTest {
 protected:
  void StartImpatientMaster() {
    options_.servers.dead_after = absl::Seconds(2);
    StartMaster();
  }
  pb::GetClusterResponse Cluster() {
    return client_->Call(pb::GetClusterRequest()).value_or(pb::GetClusterResponse());
  }
  absl::Status ReportBad(const OpenFile& open, FakeChunkserver* server) {
    pb::ReportBadReplicaRequest report;
    report.set_chunk_id(open.id().value());
    report.set_server_id(server->id().value());
    return client_->Call(report).status();
  }
  void SetReplication(const std::string& path, uint32_t replication) {
    pb::SetReplicationRequest request;
    *request.mutable_header() = client_->NextHeader();
    request.set_path(path);
    request.set_replication(replication);
    ASSERT_OK(client_->Call(request));
  }
  // As readers do. A report of a replica of which the master has yet to hear that it is finalized
  // is passed over; one of a replica that is gone by now is NotFound.
  void ReportUntilVerified(const OpenFile& open, FakeChunkserver* server) {
    EXPECT_TRUE(Eventually([&] {
      const absl::Status status = ReportBad(open, server);
      EXPECT_TRUE(status.ok() || absl::IsNotFound(status)) << status;
      return server->CountOrders(Order::kVerify) == 1;
    }));
  }
};

TEST_F(RepairTest, ALostServersChunksAreCopiedElsewhere) {
  StartImpatientMaster();
  AddServers(4);
  std::vector<OpenFile> files;
  for (int i = 0; i < 8; ++i) files.push_back(CompleteFile("/f" + std::to_string(i), 100));
  servers_[0]->Disconnect();
  for (const OpenFile& open : files) {
    EXPECT_TRUE(Eventually([&] {
      size_t elsewhere = 0;
      for (size_t i = 1; i < 4; ++i) {
        if (servers_[i]->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED) ++elsewhere;
      }
      return elsewhere == 3;
    }));
  }
  EXPECT_TRUE(Eventually([&] { return Cluster().under_replicated() == 0; }));
  for (int i = 0; i < 8; ++i) {
    EXPECT_THAT(Nodes("/f" + std::to_string(i)), Not(Contains("n1")));
  }
  // It returns: one copy of some chunks is too many now, and goes.
  ASSERT_OK(servers_[0]->Connect());
  for (const OpenFile& open : files) {
    EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
  }
}

TEST_F(RepairTest, AFrozenServerIsDeadAndComesBack) {
  StartImpatientMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100);
  ServerOf(open.chunk.replicas(0))->Freeze(true);
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 4; }));
}

TEST_F(RepairTest, AReportedReplicaIsCondemnedByItsHolderOnly) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/f", 100);
  for (const auto& replica : open.chunk.replicas()) {
    ReportUntilVerified(open, ServerOf(replica));
    ASSERT_OK(ReportBad(open, ServerOf(replica)));
  }
  EXPECT_THAT(Nodes("/f"), SizeIs(3));
  for (const auto& server : servers_) {
    EXPECT_EQ(server->CountOrders(Order::kVerify), 1) << "it was just found good";
    EXPECT_EQ(server->CountOrders(Order::kDelete), 0);
  }
  EXPECT_EQ(CountFinalized(open.id()), 3u);
}

TEST_F(RepairTest, AResultOlderThanAChangeThatWasToldBeforeItChangesNothing) {
  StartMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100);
  FakeChunkserver* const bad = ServerOf(open.chunk.replicas(1));
  // The replica is found corrupt by a reader after the order was carried out, but the order's
  // result leaves after that.
  bad->SetOverride([&](const Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_verify()) return std::nullopt;
    FakeChunkserver::Result good;
    good.mutable_replica()->set_chunk_id(open.id().value());
    good.mutable_replica()->set_state(pb::REPLICA_STATE_FINALIZED);
    good.mutable_replica()->set_length(100);
    good.mutable_replica()->set_crc(FakeCrc(100));
    bad->TellOnly(open.id(), pb::REPLICA_STATE_CORRUPT, 100);
    return good;
  });
  ReportUntilVerified(open, bad);
  EXPECT_TRUE(Eventually([&] { return bad->CountOrders(Order::kDelete) == 1; }));
  EXPECT_TRUE(Eventually([&] { return Nodes("/f").size() == 3; }));
  EXPECT_THAT(Nodes("/f"), Not(Contains(bad->node())));
}

TEST_F(RepairTest, ACorruptReplicaIsReadNoMoreAndReplaced) {
  StartMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100);
  FakeChunkserver* const bad = ServerOf(open.chunk.replicas(1));
  bad->Damage(open.id());
  ReportUntilVerified(open, bad);
  EXPECT_TRUE(Eventually([&] {
    const auto nodes = Nodes("/f");
    return std::find(nodes.begin(), nodes.end(), bad->node()) == nodes.end();
  }));
  EXPECT_TRUE(Eventually([&] { return bad->CountOrders(Order::kDelete) == 1; }));
  EXPECT_TRUE(Eventually([&] { return Nodes("/f").size() == 3; }));
  EXPECT_EQ(CountFinalized(open.id()), 3u);
}

TEST_F(RepairTest, WithoutASpareServerACorruptReplicaIsReplacedInPlace) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/f", 100);
  FakeChunkserver* const bad = ServerOf(open.chunk.replicas(1));
  bad->Report(open.id(), pb::REPLICA_STATE_CORRUPT, 100);
  EXPECT_TRUE(Eventually([&] { return bad->CountOrders(Order::kCopy) == 1; }));
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
}

TEST_F(RepairTest, SetReplicationAddsAndRemovesCopies) {
  StartMaster();
  AddServers(4);
  const OpenFile open = CompleteFile("/f", 100, 2);
  const auto set = [&](uint32_t replication) {
    SetReplication("/f", replication);
    EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == replication; }));
  };
  set(4);
  set(1);
  set(3);
}

// A server that takes its time with a removal carries it out even when its session breaks.
class SlowRemovalTest : public RepairTest {
 protected:
  // One of two copies is to go, and its server takes the order and does nothing yet. Then the other
  // one is the fuller.
  void SetUp() override {
    options_.garbage.backoff = absl::Milliseconds(50);
    StartMaster();
    AddServers(2);
    leaving_ = servers_[0].get();
    staying_ = servers_[1].get();
    open_.emplace(CompleteFile("/f", 100, 2));
    leaving_->SetOverride([](const Order& order) -> std::optional<FakeChunkserver::Result> {
      if (!order.has_delete_()) return std::nullopt;
      return FakeChunkserver::Silence();
    });
    SetFreeBytes(leaving_, 2 << 20);
    SetReplication("/f", 1);
    ASSERT_TRUE(Eventually([&] { return leaving_->CountOrders(Order::kDelete) == 1; }));
    SetFreeBytes(staying_, 1 << 20);
  }

  std::optional<OpenFile> open_;
  FakeChunkserver* leaving_ = nullptr;
  FakeChunkserver* staying_ = nullptr;
};

TEST_F(SlowRemovalTest, TheLastOtherCopyStaysWhenTheSessionBreaks) {
  staying_->Report(open_->id(), pb::REPLICA_STATE_FINALIZED, 100);  // has it assessed anew
  leaving_->Disconnect();
  leaving_->SetReplica(open_->id(), pb::REPLICA_STATE_REMOVED, 0);
  ASSERT_OK(leaving_->Connect());
  EXPECT_TRUE(Eventually([&] { return Nodes("/f") == std::vector{staying_->node()}; }));
  EXPECT_EQ(staying_->CountOrders(Order::kDelete), 0);
  EXPECT_EQ(CountFinalized(open_->id()), 1u);
}

TEST_F(SlowRemovalTest, OneGoesInTheEndWhenTheOrderWasLost) {
  leaving_->SetOverride(nullptr);
  leaving_->Disconnect();
  ASSERT_OK(leaving_->Connect());
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open_->id()) == 1; }));
}

TEST_F(RepairTest, ChunksOfDeletedFilesGoAndTheirRowsToo) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/d/f", 100);
  const OpenFile kept = CompleteFile("/d/kept", 100);
  ASSERT_OK(client_->Delete("/d/f"));
  for (const auto& server : servers_) {
    EXPECT_TRUE(Eventually(
        [&] { return server->Replica(open.id()).state() == pb::REPLICA_STATE_REMOVED; }));
  }
  EXPECT_EQ(CountFinalized(kept.id()), 3u);
  EXPECT_TRUE(Eventually([&] { return Cluster().chunk_count() == 1; }));
}

TEST_F(RepairTest, ADeadServersReplicaIsNoneAlsoWhereThereIsNoOther) {
  StartImpatientMaster();
  AddServers(1);
  CompleteFile("/f", 100, 1);
  EXPECT_THAT(Nodes("/f"), ElementsAre("n1"));
  servers_[0]->Disconnect();
  EXPECT_TRUE(Eventually([&] { return Nodes("/f").empty(); }));
  ASSERT_OK(servers_[0]->Connect());
  EXPECT_TRUE(Eventually([&] { return Nodes("/f").size() == 1; }));
}

TEST_F(RepairTest, AServerThatWasAwayLosesItsReplicasOfDeletedFiles) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/f", 100);
  servers_[0]->Disconnect();
  ASSERT_OK(client_->Delete("/f"));
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 1; }));
  RestartMaster();
  ReconnectServers();
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 0; }));
}

TEST_F(RepairTest, UnknownReplicasArePutAsideAndGoWhenTheirTimeIsOver) {
  StartMaster();
  AddServers(1);
  // Chunk ids have been given out, so that an unknown one may be a forgotten one.
  ASSERT_OK(
      client_->Call(client_->AllocateRequest(*client_->Call(client_->CreateRequest("/f", 1)))));
  const ChunkId unknown(500);
  servers_[0]->Disconnect();
  servers_[0]->SetReplica(unknown, pb::REPLICA_STATE_FINALIZED, 100);
  ASSERT_OK(servers_[0]->Connect());
  const auto state = [&] { return servers_[0]->Replica(unknown).state(); };
  EXPECT_TRUE(Eventually([&] { return state() == pb::REPLICA_STATE_QUARANTINED; }));
  // That it is still there is no reason to remove it; that its days are over is.
  servers_[0]->Report(unknown, pb::REPLICA_STATE_QUARANTINED, 100);
  ASSERT_OK(servers_[0]->Restart());
  EXPECT_EQ(servers_[0]->CountOrders(Order::kDelete), 0);
  servers_[0]->ReportExpired(unknown);
  EXPECT_TRUE(Eventually([&] { return state() == pb::REPLICA_STATE_REMOVED; }));
}

TEST_F(RepairTest, AReplicaThatWasPutAsideIsTakenBackWhenItsChunkIsKnown) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/f", 100);
  servers_[0]->Disconnect();
  servers_[0]->SetReplica(open.id(), pb::REPLICA_STATE_QUARANTINED, 100);
  ASSERT_OK(servers_[0]->Connect());
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
}

TEST_F(RepairTest, AServerOfAnotherClusterIsRefusedAndMeansNothing) {
  StartMaster();
  FakeChunkserver stranger({.master = listen_,
                            .node = "x",
                            .cluster_id = "another",
                            .followed = {.term = 9, .start_id = 9, .log_index = 9}});
  EXPECT_THAT(stranger.Connect(), StatusIs(Code::kFailedPrecondition, HasSubstr("another")));
  EXPECT_EQ(Cluster().halted(), "");
}

TEST_F(RepairTest, AServerIsKnownByItsUuidForEver) {
  StartMaster();
  AddServers(2);
  const ServerId first = servers_[0]->id();
  ASSERT_OK(servers_[0]->Restart());
  EXPECT_EQ(servers_[0]->id(), first);
  RestartMaster();
  ReconnectServers();
  EXPECT_EQ(servers_[0]->id(), first);
  EXPECT_EQ(Cluster().servers_size(), 2);
}

TEST_F(RepairTest, ReadsAreServedFromHintsRightAfterARestart) {
  StartMaster();
  AddServers(3);
  CompleteFile("/f", 100);
  RestartMaster();
  EXPECT_THAT(Nodes("/f"), SizeIs(3)) << "nobody has registered yet";
}

TEST_F(RepairTest, AnEqualInventoryIsNotListed) {
  StartMaster();
  AddServers(3);
  for (int i = 0; i < 5; ++i) CompleteFile("/f" + std::to_string(i), 100);
  RestartMaster();
  ReconnectServers();
  EXPECT_EQ(Cluster().under_replicated(), 0u);
  // One of them has lost a replica while the master was away.
  RestartMaster();
  const ChunkId lost = servers_[1]->Chunks().front();
  servers_[1]->SetReplica(lost, pb::REPLICA_STATE_REMOVED, 0);
  ReconnectServers();
  EXPECT_TRUE(Eventually([&] {
    return servers_[1]->Replica(lost).state() == pb::REPLICA_STATE_FINALIZED;
  })) << "it gets a new one";
}

TEST_F(RepairTest, ReadersGetTheNearestReplicaFirst) {
  StartMaster();
  AddServer("a1", "/a");
  AddServer("b1", "/b");
  AddServer("b2", "/b");
  CompleteFile("/f", 100);
  // The primary's word seals a chunk; that the others have finalized it is heard a little later,
  // and until then they come last.
  EXPECT_TRUE(Eventually([&] { return Nodes("/f", "b1").front() == "b1"; }));
  EXPECT_TRUE(Eventually([&] { return Nodes("/f", "a1").front() == "a1"; }));
  EXPECT_TRUE(Eventually([&] { return Nodes("/f", "b2")[1] == "b1"; }))
      << "the same rack comes before others";
}

TEST_F(RepairTest, PagesTellTheStateInSentences) {
  StartImpatientMaster();
  AddServers(3);
  CompleteFile("/f", 100);
  servers_[0]->Disconnect();
  EXPECT_TRUE(Eventually([&] { return Cluster().under_replicated() == 1; }));
  const auto cluster = Cluster();
  EXPECT_TRUE(cluster.writable());
  EXPECT_EQ(cluster.missing(), 0u);
  EXPECT_EQ(cluster.file_count(), 1u);
}

TEST_F(RepairTest, AClusterWithoutRoomForOneByteIsNotWritable) {
  StartMaster();
  AddServers(2);
  EXPECT_TRUE(Cluster().writable());
  // Two copies are needed.
  SetFreeBytes(servers_[0].get(), 0);
  EXPECT_FALSE(Cluster().writable());
  EXPECT_EQ(Cluster().halted(), "");
  SetFreeBytes(servers_[0].get(), uint64_t{50} << 30);
  EXPECT_TRUE(Cluster().writable());
}

}  // namespace
}  // namespace quern::master
