// Forced seals with servers that die, sleep, restart or have forgotten.
#include <gmock/gmock.h>

#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using Code = absl::StatusCode;
using Order = pb::Order;
using Result = FakeChunkserver::Result;

class SealTest : public MasterTest {
 protected:
  absl::StatusOr<pb::ResolveChunkResponse> Resolve(const OpenFile& open, uint64_t acked) {
    return client_->Call(client_->ResolveRequest(open.file, open.chunk, acked));
  }
  FakeChunkserver* Replica(const OpenFile& open, int position) {
    return ServerOf(open.chunk.replicas(position));
  }
  // Answers a Fence as a replica whose machine has lost power.
  static FakeChunkserver::Override SuspectWith(uint64_t length) {
    return [length](const Order& order) -> std::optional<Result> {
      if (!order.has_fence()) return std::nullopt;
      Result result;
      result.mutable_replica()->set_chunk_id(order.fence().chunk_id());
      result.mutable_replica()->set_state(pb::REPLICA_STATE_FENCED);
      result.mutable_replica()->set_length(length);
      result.mutable_replica()->set_crc(FakeCrc(length));
      result.set_suspect(true);
      return result;
    };
  }
};

TEST_F(SealTest, SealsWhereTheSurvivorsAgree) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  Replica(open, 1)->Append(open.id(), 130);
  Replica(open, 0)->Disconnect();  // the primary
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 100));
  EXPECT_EQ(sealed.sealed_length(), 100u);
  EXPECT_EQ(sealed.crc(), FakeCrc(100));
  EXPECT_EQ(sealed.last_seq(), 10u);
  EXPECT_FALSE(sealed.lost_tail());
  for (const int position : {1, 2}) {
    EXPECT_TRUE(Eventually([&] {
      const auto replica = Replica(open, position)->Replica(open.id());
      return replica.state() == pb::REPLICA_STATE_FINALIZED && replica.length() == 100;
    }));
  }
  ASSERT_OK_AND_ASSIGN(const auto again, Resolve(open, 100));
  EXPECT_EQ(again.SerializeAsString(), sealed.SerializeAsString()) << "the answer is final";
}

TEST_F(SealTest, AShortReplicaWithOtherBytesIsOutvotedByTheLonger) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  // The primary's disk has changed what it had.
  Replica(open, 0)->SetOverride([](const Order& order) -> std::optional<Result> {
    if (!order.has_fence()) return std::nullopt;
    Result result;
    result.mutable_replica()->set_chunk_id(order.fence().chunk_id());
    result.mutable_replica()->set_state(pb::REPLICA_STATE_FENCED);
    result.mutable_replica()->set_length(80);
    result.mutable_replica()->set_crc(4711);
    return result;
  });
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 80));
  EXPECT_EQ(sealed.sealed_length(), 100u);
  EXPECT_EQ(sealed.crc(), FakeCrc(100));
}

TEST_F(SealTest, AServerThatCannotReadItsBooksHasNotLostItsReplica) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  const auto fails_with = [](Code code) {
    return [code](const Order& order) -> std::optional<Result> {
      if (!order.has_fence()) return std::nullopt;
      return FakeChunkserver::Failure(static_cast<int>(code));
    };
  };
  Replica(open, 0)->SetOverride(fails_with(Code::kNotFound));
  Replica(open, 1)->SetReplica(open.id(), pb::REPLICA_STATE_OPEN, 60);
  Replica(open, 2)->SetOverride(fails_with(Code::kDataLoss));
  EXPECT_THAT(Resolve(open, 100), StatusIs(Code::kUnavailable)) << "it may have all 100 bytes";
  Replica(open, 2)->SetOverride(nullptr);
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 100));
  EXPECT_EQ(sealed.sealed_length(), 100u);
}

TEST_F(SealTest, AChunkThatAllServersHaveForgottenIsEmptyByTheWordOfItsWriter) {
  options_.inventory_check.every = absl::Milliseconds(100);
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 0);
  for (int position = 0; position < 3; ++position) {
    Replica(open, position)->SetReplica(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  }
  EXPECT_THAT(Resolve(open, 10), StatusIs(Code::kUnavailable)) << "ten bytes were acknowledged";
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 0));
  EXPECT_EQ(sealed.sealed_length(), 0u);
  EXPECT_EQ(sealed.crc(), 0u);
  EXPECT_EQ(sealed.last_seq(), 0u);
  EXPECT_FALSE(sealed.lost_tail());
  // The writer goes on in the next chunk, and nothing waits for copies of nothing.
  ASSERT_OK_AND_ASSIGN(const auto next, client_->Call(client_->AllocateRequest(open.file, 1)));
  const ChunkId chunk(next.chunk().chunk_id());
  for (const auto& replica : next.chunk().replicas()) ServerOf(replica)->Append(chunk, 50);
  ASSERT_OK(client_->ReportSealed(chunk, ServerId(next.chunk().replicas(0).server_id()), 50));
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 50)).status());
  EXPECT_TRUE(Eventually([&] {
    const auto cluster = client_->Call(pb::GetClusterRequest());
    const auto chunks = client_->GetChunks("/f");
    return cluster.ok() && cluster->under_replicated() == 0 && chunks.ok() &&
           chunks->chunks(0).replicas().empty();
  })) << "what the servers do not have is not listed";
}

TEST_F(SealTest, AChunkOfWhichOnlyCopiesAreLeftStillSaysWhatIsInIt) {
  options_.servers.dead_after = absl::Seconds(1);
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100, 2);
  SealCleanly(open, 100);
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 2; }));
  Replica(open, 0)->Disconnect();
  FakeChunkserver* const spare = Outsider(open.chunk);
  EXPECT_TRUE(
      Eventually([&] { return spare->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED; }));
  // The answer to the seal was lost, and the writer asks.
  Replica(open, 1)->Disconnect();
  // Again, until the master has heard that the copy is there.
  absl::StatusOr<pb::ResolveChunkResponse> sealed;
  EXPECT_TRUE(Eventually([&] {
    sealed = Resolve(open, 100);
    return sealed.ok();
  })) << sealed.status();
  ASSERT_OK(sealed.status());
  EXPECT_EQ(sealed->last_seq(), 10u);
}

TEST_F(SealTest, ASilentServerIsWaitedForOnlyALittle) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  Replica(open, 2)->SetOverride([](const Order&) { return FakeChunkserver::Silence(); });
  const absl::Time began = absl::Now();
  ASSERT_OK(Resolve(open, 100));
  EXPECT_LT(absl::Now() - began, options_.order_timeout);
}

TEST_F(SealTest, NobodyReachableBlocksUntilOneReturns) {
  StartMaster();
  AddServers(2);
  const OpenFile open = WriteFile("/f", 100, 2);
  for (const auto& server : servers_) server->Disconnect();
  EXPECT_THAT(Resolve(open, 100), StatusIs(Code::kUnavailable));
  EXPECT_THAT(client_->ReportSealed(open.id(), ServerId(open.chunk.replicas(0).server_id()), 100),
              StatusIs(Code::kFailedPrecondition))
      << "a clean seal comes too late";
  // Its return is enough: nobody has to complain again.
  ASSERT_OK(servers_[0]->Restart());
  EXPECT_TRUE(Eventually(
      [&] { return servers_[0]->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED; }));
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 100));
  EXPECT_EQ(sealed.sealed_length(), 100u);
  EXPECT_EQ(sealed.last_seq(), 10u);
}

TEST_F(SealTest, ARestartedServersOpenChunksAreSealedByThemselves) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 60);
  ASSERT_OK(Replica(open, 1)->Restart());
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 3; }));
}

TEST_F(SealTest, TheSealGoesOnAfterTheMastersRestart) {
  StartMaster();
  AddServers(2);
  const OpenFile open = WriteFile("/f", 100, 2);
  // SEALING is in the log, no Fence has arrived.
  for (const auto& server : servers_) {
    server->SetOverride([](const Order& order) -> std::optional<Result> {
      if (order.has_fence()) return FakeChunkserver::Failure(static_cast<int>(Code::kUnavailable));
      return std::nullopt;
    });
  }
  EXPECT_THAT(Resolve(open, 100), StatusIs(Code::kUnavailable));
  for (const auto& server : servers_) server->SetOverride(nullptr);
  RestartMaster();
  ReconnectServers();
  EXPECT_TRUE(Eventually([&] { return CountFinalized(open.id()) == 2; }));
}

TEST_F(SealTest, FinalizeIsRepeatedToServersThatMissedIt) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  FakeChunkserver* const away = Replica(open, 2);
  away->Disconnect();
  ASSERT_OK(Resolve(open, 100));
  RestartMaster();
  ReconnectServers();
  EXPECT_TRUE(
      Eventually([&] { return away->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED; }));
}

TEST_F(SealTest, ASuspectHasNoVoteWhileAnotherMayAnswer) {
  StartMaster();
  AddServers(2);
  const OpenFile open = WriteFile("/f", 100, 2);
  Replica(open, 0)->SetOverride(SuspectWith(40));
  Replica(open, 1)->Disconnect();
  EXPECT_THAT(Resolve(open, 100), StatusIs(Code::kUnavailable));
  ASSERT_OK(Replica(open, 1)->Restart());
  EXPECT_TRUE(Eventually([&] { return Resolve(open, 100).ok(); }));
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 100));
  EXPECT_EQ(sealed.sealed_length(), 100u);
  EXPECT_FALSE(sealed.lost_tail());
}

TEST_F(SealTest, AllSuspectMeansALostTailAndEverybodyIsTold) {
  StartMaster();
  AddServers(2);
  const OpenFile open = WriteFile("/f", 100, 2);
  Replica(open, 0)->SetOverride(SuspectWith(40));
  Replica(open, 1)->SetOverride(SuspectWith(60));
  Replica(open, 0)->Append(open.id(), 60);
  Replica(open, 1)->Append(open.id(), 60);
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 61));
  EXPECT_EQ(sealed.sealed_length(), 60u);
  EXPECT_TRUE(sealed.lost_tail());
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 60)));
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus status, client_->Stat("/f"));
  EXPECT_TRUE(status.lost_tail());
}

TEST_F(SealTest, TheWriterKnowsThatNoTailWasLost) {
  StartMaster();
  AddServers(2);
  const OpenFile open = WriteFile("/f", 100, 2);
  for (const int position : {0, 1}) {
    Replica(open, position)->SetOverride(SuspectWith(60));
    Replica(open, position)->Append(open.id(), 60);
  }
  // After a power cut of all of them the first one that is back has the chunk sealed.
  Replica(open, 0)->Report(open.id(), pb::REPLICA_STATE_FENCED, 60);
  ASSERT_TRUE(Eventually([&] { return Replica(open, 0)->CountOrders(Order::kFinalize) > 0; }));
  ASSERT_OK_AND_ASSIGN(const auto told, Resolve(open, 61));
  EXPECT_TRUE(told.lost_tail()) << "a byte is missing";
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 60));
  EXPECT_EQ(sealed.sealed_length(), 60u);
  EXPECT_FALSE(sealed.lost_tail());
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 60)));
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus status, client_->Stat("/f"));
  EXPECT_FALSE(status.lost_tail());
  RestartMaster();
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus again, client_->Stat("/f"));
  EXPECT_FALSE(again.lost_tail());
}

TEST_F(SealTest, AComplaintAboutACleanlySealedChunkLearnsWhatIsInIt) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  SealCleanly(open, 100);
  ASSERT_OK_AND_ASSIGN(const auto sealed, Resolve(open, 70));
  EXPECT_EQ(sealed.sealed_length(), 100u);
  EXPECT_EQ(sealed.last_seq(), 10u);
}

TEST_F(SealTest, OnlyTheWriterMayComplain) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  auto request = client_->ResolveRequest(open.file, open.chunk, 100);
  request.set_writer_token("somebody else");
  EXPECT_THAT(client_->Call(request), StatusIs(Code::kAborted));
}

TEST_F(SealTest, FilesThatHaveAWriterAreListedInPages) {
  StartMaster();
  AddServers(3);
  EXPECT_EQ(client_->Call(pb::ListOpenFilesRequest())->files_size(), 0);
  pb::MkdirsRequest mkdir;
  *mkdir.mutable_header() = client_->NextHeader();
  mkdir.set_path("/d");
  ASSERT_OK(client_->Call(mkdir));
  WriteFile("/d/nameless", 10);
  auto create = client_->CreateRequest("/log");
  create.set_named_now(true);
  ASSERT_OK(client_->Call(create));

  pb::ListOpenFilesRequest request;
  request.set_limit(1);
  ASSERT_OK_AND_ASSIGN(const pb::ListOpenFilesResponse first, client_->Call(request));
  ASSERT_EQ(first.files_size(), 1);
  EXPECT_TRUE(first.more());
  EXPECT_EQ(first.files(0).path(), "/d/nameless");
  EXPECT_FALSE(first.files(0).linked());
  EXPECT_EQ(first.files(0).chunk_count(), 1u);
  EXPECT_GE(first.files(0).writer_silence_ms(), 0);
  request.set_start_after_inode(first.files(0).inode_id());
  ASSERT_OK_AND_ASSIGN(const pb::ListOpenFilesResponse second, client_->Call(request));
  ASSERT_EQ(second.files_size(), 1);
  EXPECT_FALSE(second.more());
  EXPECT_EQ(second.files(0).path(), "/log");
  EXPECT_TRUE(second.files(0).linked());
}

TEST_F(SealTest, AnAbandonedFileWithANameIsSealedAsItIsAndOneWithoutIsDropped) {
  options_.writer_timeout = absl::Milliseconds(300);
  StartMaster();
  AddServers(3);
  const OpenFile nameless = WriteFile("/nameless", 10);
  auto create = client_->CreateRequest("/log");
  create.set_named_now(true);
  ASSERT_OK_AND_ASSIGN(const auto log, client_->Call(create));
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(client_->AllocateRequest(log)));
  for (const auto& server : servers_) server->Append(ChunkId(chunk.chunk().chunk_id()), 30);
  EXPECT_TRUE(Eventually([&] {
    const auto status = client_->Stat("/log");
    return status.ok() && status->complete();
  }));
  EXPECT_EQ(client_->Stat("/log")->length(), 30u);
  EXPECT_THAT(client_->Stat("/nameless"), StatusIs(Code::kNotFound));
  for (const auto& server : servers_) {
    EXPECT_TRUE(Eventually(
        [&] { return server->Replica(nameless.id()).state() == pb::REPLICA_STATE_REMOVED; }));
  }
}

}  // namespace
}  // namespace quern::master
