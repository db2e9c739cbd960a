// A master that was started from an old copy of its directory, and the way back.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Code = absl::StatusCode;
using Order = pb::Order;

class OldMasterTest : public MasterTest {
 protected:
  std::string Halted() {
    return client_->Call(pb::GetClusterRequest()).value_or(pb::GetClusterResponse()).halted();
  }
  // Stops the master and keeps a copy of its directory under this name.
  void StopAndCopy(const std::string& name) {
    StopMaster();
    std::filesystem::copy(dir_ / "master", dir_ / name, std::filesystem::copy_options::recursive);
    StartMaster();
    ReconnectServers();
  }
  // Stops the master and lets this copy be its directory; the present one is kept as `keep_as`.
  void Exchange(const std::string& name, const std::string& keep_as) {
    StopMaster();
    for (const auto& server : servers_) server->Disconnect();
    std::filesystem::rename(dir_ / "master", dir_ / keep_as);
    std::filesystem::rename(dir_ / name, dir_ / "master");
    StartMaster();
  }
  // Orders that take something away.
  int TakenAway() {
    int count = 0;
    for (const auto& server : servers_) {
      count += server->CountOrders(Order::kDelete) + server->CountOrders(Order::kQuarantine);
    }
    return count;
  }
  absl::Status Mkdirs(const std::string& path) {
    pb::MkdirsRequest request;
    *request.mutable_header() = client_->NextHeader();
    request.set_path(path);
    return client_->Call(request).status();
  }
};

TEST_F(OldMasterTest, IsRefusedByAllAndTakesNothingAwayAndTheRightOneGoesOn) {
  StartMaster();
  AddServers(3);
  CompleteFile("/old", 100);
  StopAndCopy("copy");
  std::vector<OpenFile> newer;
  for (int i = 0; i < 4; ++i) newer.push_back(CompleteFile("/new" + std::to_string(i), 100));

  Exchange("copy", "right");
  for (const auto& server : servers_) {
    EXPECT_THAT(server->Connect(), StatusIs(Code::kFailedPrecondition));
  }
  EXPECT_THAT(Halted(), HasSubstr("old copy"));
  EXPECT_THAT(Mkdirs("/x"), StatusIs(Code::kFailedPrecondition, HasSubstr("old copy")));
  EXPECT_OK(client_->Stat("/old").status()) << "what it knows can still be looked at";

  Exchange("right", "copy");
  ReconnectServers();
  EXPECT_THAT(Halted(), IsEmpty());
  for (const OpenFile& open : newer) EXPECT_EQ(CountFinalized(open.id()), 3u);
  EXPECT_EQ(TakenAway(), 0);
  for (int i = 0; i < 4; ++i) EXPECT_THAT(Nodes("/new" + std::to_string(i)), SizeIs(3));
  EXPECT_OK(Mkdirs("/x"));
}

// It would follow it, and then the right master would be refused by this one server.
TEST_F(OldMasterTest, TheFirstServerThatComesToACopyGetsNoOrders) {
  StartMaster();
  AddServers(4);
  CompleteFile("/old", 100);
  StopAndCopy("copy");
  // This one has not heard of what comes after the copy, and has something to be taken away.
  servers_[0]->Disconnect();
  servers_[0]->SetReplica(ChunkId(999), pb::REPLICA_STATE_FINALIZED, 10);
  CompleteFile("/new", 100);

  Exchange("copy", "right");
  ASSERT_OK(servers_[0]->Connect());
  for (int i = 0; i < 20; ++i) ASSERT_OK(Mkdirs("/d" + std::to_string(i)));
  EXPECT_THAT(servers_[1]->Connect(), StatusIs(Code::kFailedPrecondition));
  EXPECT_EQ(TakenAway(), 0);

  Exchange("right", "copy");
  ReconnectServers();
  EXPECT_THAT(Halted(), IsEmpty());
  EXPECT_TRUE(Eventually([&] { return TakenAway() == 1; })) << "half of them are enough";
}

TEST_F(OldMasterTest, ACopyThatGoesOnForLongIsFoundOutByTheNextServerThatKnowsMore) {
  options_.orders_wait = absl::ZeroDuration();
  StartMaster();
  AddServers(3);
  StopAndCopy("copy");
  const OpenFile newer = CompleteFile("/new", 100);
  Exchange("copy", "right");
  // Another server, which has seen nothing, and whose replicas get the same ids a second time.
  FakeChunkserver* const idle = AddServer("idle");
  for (int i = 0; i < 20; ++i) ASSERT_OK(Mkdirs("/d" + std::to_string(i)));
  const OpenFile second = CompleteFile("/second", 100, 1);
  ASSERT_EQ(second.id(), newer.id());
  EXPECT_THAT(servers_[0]->Connect(), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(Halted(), HasSubstr("n1"));
  EXPECT_THAT(Mkdirs("/x"), StatusIs(Code::kFailedPrecondition));
  EXPECT_THAT(idle->Restart(), StatusIs(Code::kFailedPrecondition)) << "nobody is served any more";
  EXPECT_EQ(CountFinalized(newer.id()), 4u);
}

TEST_F(OldMasterTest, AChunkFromTheFutureInAReportHaltsItToo) {
  StartMaster();
  AddServers(2);
  const OpenFile kept = CompleteFile("/f", 100, 2);
  const ChunkId future(1 << 20);
  servers_[0]->Report(future, pb::REPLICA_STATE_FINALIZED, 100);
  EXPECT_TRUE(Eventually([&] { return !Halted().empty(); }));
  EXPECT_THAT(servers_[1]->Restart(), StatusIs(Code::kFailedPrecondition));
  EXPECT_EQ(servers_[0]->Replica(future).state(), pb::REPLICA_STATE_FINALIZED);
  // The server comes with empty disks.
  servers_[0]->Disconnect();
  for (const ChunkId chunk : {kept.id(), future}) {
    servers_[0]->SetReplica(chunk, pb::REPLICA_STATE_REMOVED, 0);
  }
  servers_[0]->SetFollowed({});
  ASSERT_OK(servers_[0]->Connect());
  EXPECT_THAT(Halted(), IsEmpty());
  ASSERT_OK(servers_[1]->Connect());
  EXPECT_OK(Mkdirs("/x"));
}

TEST_F(OldMasterTest, AReplicaThatWasThereBeforeIsNotUndone) {
  StartMaster();
  AddServers(2);
  // As if n1 had it from another master, which nobody noticed.
  servers_[0]->SetOverride([&](const Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_create()) return std::nullopt;
    return FakeChunkserver::Failure(static_cast<int>(Code::kAlreadyExists));
  });
  const auto file = client_->Call(client_->CreateRequest("/f", 2));
  ASSERT_OK(file.status());
  EXPECT_FALSE(client_->Call(client_->AllocateRequest(*file)).ok());
  EXPECT_THAT(Halted(), HasSubstr("already"));
  EXPECT_EQ(servers_[0]->CountOrders(Order::kDelete), 0);
}

TEST_F(OldMasterTest, WhatACreateMadeIsUndoneByItsToken) {
  StartMaster();
  AddServers(2);
  options_.min_write_replicas = 2;
  servers_[0]->SetOverride([&](const Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_create()) return std::nullopt;
    return FakeChunkserver::Failure(static_cast<int>(Code::kResourceExhausted));
  });
  const auto file = client_->Call(client_->CreateRequest("/f", 2));
  ASSERT_OK(file.status());
  EXPECT_FALSE(client_->Call(client_->AllocateRequest(*file)).ok());
  EXPECT_TRUE(Eventually([&] { return servers_[1]->Chunks().empty(); }));
  uint64_t token = 0;
  for (const Order& order : servers_[1]->orders()) {
    if (order.has_create()) token = order.create().token();
    if (order.has_delete_()) {
      EXPECT_EQ(order.delete_().create_token(), token);
    }
  }
  EXPECT_NE(token, 0u);
  EXPECT_THAT(Halted(), IsEmpty());
}

TEST_F(OldMasterTest, AdoptingFirstSaysWhatIsForgottenAndThenGoesOnWithoutIt) {
  StartMaster();
  AddServers(3);
  const OpenFile old = CompleteFile("/old", 100);
  StopAndCopy("copy");
  const OpenFile newer = CompleteFile("/new", 100);
  const uint64_t seen = servers_[0]->followed().log_index;
  Exchange("copy", "lost");
  for (const auto& server : servers_) EXPECT_FALSE(server->Connect().ok());

  pb::AdoptHistoryRequest request;
  ASSERT_OK_AND_ASSIGN(const pb::AdoptHistoryResponse told, client_->Call(request));
  EXPECT_FALSE(told.adopted());
  ASSERT_EQ(told.servers_size(), 3);
  EXPECT_EQ(told.servers(0).log_index(), seen);
  EXPECT_EQ(told.servers(0).max_chunk_id(), newer.id().value());
  EXPECT_EQ(told.servers(0).replica_count(), 2u);
  EXPECT_LT(told.log_index(), seen);
  EXPECT_THAT(Halted(), Not(IsEmpty())) << "nothing is decided yet";

  request.set_confirm(true);
  ASSERT_OK_AND_ASSIGN(const pb::AdoptHistoryResponse adopted, client_->Call(request));
  EXPECT_TRUE(adopted.adopted());
  EXPECT_THAT(Halted(), IsEmpty());
  ReconnectServers();
  EXPECT_THAT(Nodes("/old"), SizeIs(3));
  EXPECT_THAT(client_->Stat("/new"), StatusIs(Code::kNotFound));
  for (const auto& server : servers_) {
    EXPECT_TRUE(Eventually(
        [&] { return server->Replica(newer.id()).state() == pb::REPLICA_STATE_QUARANTINED; }));
  }
  EXPECT_GT(CompleteFile("/next", 100).id(), newer.id()) << "no id is given out again";
  EXPECT_THAT(client_->Call(request), StatusIs(Code::kFailedPrecondition))
      << "there is no conflict";
  // It is durable, and the lost one is an old one now.
  RestartMaster();
  ReconnectServers();
  EXPECT_THAT(Halted(), IsEmpty());
  EXPECT_EQ(CountFinalized(old.id()), 3u);
  Exchange("lost", "adopted");
  EXPECT_THAT(servers_[0]->Connect(), StatusIs(Code::kFailedPrecondition));
}

}  // namespace
}  // namespace quern::master
