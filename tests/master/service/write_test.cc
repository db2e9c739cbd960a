// The write road as the master sees it: create, allocate, seal, complete, and what goes wrong
// there.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/master/service/test_cluster.h"

namespace quern::master {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using Code = absl::StatusCode;
using Order = pb::Order;

using WriteTest = MasterTest;

TEST_F(WriteTest, AFileAppearsWhenItIsComplete) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/d/f", 100);
  EXPECT_THAT(open.chunk.replicas(), SizeIs(3));
  EXPECT_THAT(client_->Stat("/d/f"), StatusIs(Code::kNotFound));
  SealCleanly(open, 100);
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 100)));
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus status, client_->Stat("/d/f"));
  EXPECT_EQ(status.length(), 100u);
  EXPECT_EQ(status.owner(), "ann");
  ASSERT_OK_AND_ASSIGN(const auto chunks, client_->GetChunks("/d/f"));
  ASSERT_THAT(chunks.chunks(), SizeIs(1));
  EXPECT_EQ(chunks.chunks(0).length(), 100u);
  EXPECT_EQ(chunks.chunks(0).crc(), FakeCrc(100));
  EXPECT_THAT(chunks.chunks(0).replicas(), SizeIs(3));
}

TEST_F(WriteTest, EveryReplicaIsTold) {
  StartMaster();
  AddServers(3);
  const OpenFile open = CompleteFile("/f", 100);
  for (const auto& server : servers_) {
    EXPECT_EQ(server->CountOrders(Order::kCreate), 1);
    EXPECT_TRUE(Eventually([&] { return server->CountOrders(Order::kFinalize) >= 1; }));
    for (const Order& order : server->orders()) {
      EXPECT_FALSE(order.cluster_id().empty());
      EXPECT_EQ(order.term(), 1u);
      EXPECT_GT(order.log_index(), 0u);
    }
  }
}

TEST_F(WriteTest, ManyChangesInOneCallAreAnsweredEachForItself) {
  StartMaster();
  pb::ChangeManyRequest request;
  pb::MkdirsRequest* mkdirs = request.add_changes()->mutable_mkdirs();
  *mkdirs->mutable_header() = client_->NextHeader();
  mkdirs->set_path("/a");
  *request.add_changes()->mutable_create() = client_->CreateRequest("/a/f");
  pb::RenameRequest* rename = request.add_changes()->mutable_rename();
  *rename->mutable_header() = client_->NextHeader();
  rename->set_source("/missing");
  rename->set_target("/b");
  request.add_changes();  // says nothing
  ASSERT_OK_AND_ASSIGN(const auto made, client_->Call(request));
  ASSERT_THAT(made.answers(), SizeIs(4));
  EXPECT_EQ(made.answers(0).code(), 0);
  pb::CreateResponse file;
  ASSERT_TRUE(file.ParseFromString(made.answers(1).response()));
  EXPECT_NE(file.inode_id(), 0u);
  EXPECT_EQ(made.answers(2).code(), static_cast<int>(Code::kNotFound));
  EXPECT_EQ(made.answers(3).code(), static_cast<int>(Code::kInvalidArgument));
  // Repeated, they have the effect of one.
  ASSERT_OK_AND_ASSIGN(const auto again, client_->Call(request));
  EXPECT_EQ(again.SerializeAsString(), made.SerializeAsString());
  EXPECT_THAT(client_->Call(pb::ChangeManyRequest()), StatusIs(Code::kInvalidArgument));
}

TEST_F(WriteTest, NoMoreRoomIsReservedThanTheWriterExpectsToNeed) {
  StartMaster();
  AddServers(3);
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  pb::AllocateChunkRequest request = client_->AllocateRequest(file);
  request.set_expected_bytes(1000);
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(request));
  EXPECT_EQ(chunk.capacity(), 1000u);
  for (const auto& server : servers_) {
    ASSERT_THAT(server->orders(), SizeIs(1));
    EXPECT_EQ(server->orders()[0].create().reserve_bytes(), 1000u);
  }
  ASSERT_OK_AND_ASSIGN(const auto other, client_->Call(client_->CreateRequest("/g")));
  request = client_->AllocateRequest(other);
  request.set_expected_bytes(uint64_t{1} << 40);
  ASSERT_OK_AND_ASSIGN(const auto full, client_->Call(request));
  EXPECT_EQ(full.capacity(), other.chunk_size()) << "a chunk takes no more than that";
}

TEST_F(WriteTest, AFileIsMadeTogetherWithItsFirstChunk) {
  StartMaster();
  AddServers(3);
  const auto request = client_->CreateManyRequest({"/d/f"}, 100);
  ASSERT_OK_AND_ASSIGN(const auto answers, client_->Call(request));
  ASSERT_OK_AND_ASSIGN(const auto again, client_->Call(request));
  EXPECT_EQ(again.SerializeAsString(), answers.SerializeAsString());
  ASSERT_THAT(answers.answers(), SizeIs(1));
  const pb::CreatedFile& made = answers.answers(0).made();
  RestartMaster();
  ReconnectServers();
  OpenFile open;
  open.file = made.file();
  open.chunk = made.chunk().chunk();
  EXPECT_EQ(made.chunk().capacity(), 100u);
  for (const auto& replica : open.chunk.replicas()) ServerOf(replica)->Append(open.id(), 100);
  SealCleanly(open, 100);
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 100)));
  ASSERT_OK_AND_ASSIGN(const pb::FileStatus status, client_->Stat("/d/f"));
  EXPECT_EQ(status.length(), 100u);
  EXPECT_EQ(status.owner(), "ann");
  EXPECT_EQ(status.chunk_count(), 1u);
}

TEST_F(WriteTest, FilesThatAreMadeTogetherShareAChainAndNoFault) {
  StartMaster();
  AddServers(5);
  CompleteFile("/taken", 10);
  auto request = client_->CreateManyRequest({"/a", "/taken", "/b", "/empty", "/c", "/two"}, 100);
  request.mutable_files(3)->mutable_file()->set_empty(true);
  request.mutable_files(5)->mutable_file()->set_replication(2);
  request.add_exclude_servers(1);
  ASSERT_OK_AND_ASSIGN(const auto answers, client_->Call(request));
  ASSERT_THAT(answers.answers(), SizeIs(6));
  EXPECT_EQ(answers.answers(1).code(), static_cast<int>(Code::kAlreadyExists));
  EXPECT_EQ(answers.answers(3).code(), static_cast<int>(Code::kInvalidArgument));
  std::vector<std::string> chains;
  for (const int i : {0, 2, 4, 5}) {
    const auto& answer = answers.answers(i);
    ASSERT_EQ(answer.code(), 0) << answer.message();
    std::string chain;
    for (const auto& replica : answer.made().chunk().chunk().replicas()) {
      chain += fmt::format("{} ", replica.server_id());
      EXPECT_NE(replica.server_id(), 1u);
    }
    chains.push_back(chain);
  }
  EXPECT_EQ(chains[0], chains[1]);
  EXPECT_EQ(chains[0], chains[2]);
  EXPECT_EQ(std::ranges::count(chains[0], ' '), 3);
  EXPECT_EQ(std::ranges::count(chains[3], ' '), 2);
  // A second try finds what the first has made, whatever servers it avoids.
  request.clear_exclude_servers();
  ASSERT_OK_AND_ASSIGN(const auto again, client_->Call(request));
  EXPECT_EQ(again.SerializeAsString(), answers.SerializeAsString());
  EXPECT_THAT(client_->Call(pb::CreateManyRequest()), StatusIs(Code::kInvalidArgument));
}

TEST_F(WriteTest, WhereNoChainCanBeMadeNoFileIs) {
  StartMaster();
  AddServers(1);
  auto request = client_->CreateManyRequest({"/a", "/b"}, 100);
  for (auto& file : *request.mutable_files()) file.mutable_file()->set_replication(1);
  servers_[0]->Disconnect();
  EXPECT_TRUE(
      Eventually([&] { return client_->Call(request).status().code() == Code::kUnavailable; }));
  ASSERT_OK(servers_[0]->Connect());
  ASSERT_OK_AND_ASSIGN(const auto answers, client_->Call(request));
  EXPECT_EQ(answers.answers(0).code() + answers.answers(1).code(), 0);
}

// The seal that a client brings: its primary has closed the chunk everywhere.
pb::CompleteRequest CompleteWithSeal(TestClient* client, const pb::CreateResponse& file,
                                     const pb::ChunkLocation& chunk, uint64_t length) {
  pb::CompleteRequest request = client->CompleteRequest(file, length);
  request.mutable_seal()->set_chunk_id(chunk.chunk_id());
  request.mutable_seal()->set_server_id(chunk.replicas(0).server_id());
  request.mutable_seal()->set_length(length);
  request.mutable_seal()->set_crc(FakeCrc(length));
  return request;
}

TEST_F(WriteTest, CompleteSealsTheChunkThatItsWriterSawClosed) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  const auto request = CompleteWithSeal(client_.get(), open.file, open.chunk, 100);
  ASSERT_OK_AND_ASSIGN(const auto done, client_->Call(request));
  EXPECT_EQ(done.status().length(), 100u);
  for (const auto& replica : open.chunk.replicas()) {
    EXPECT_TRUE(Eventually([&] {
      return ServerOf(replica)->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED;
    }));
  }
  ASSERT_OK_AND_ASSIGN(const auto again, client_->Call(request));
  EXPECT_EQ(again.SerializeAsString(), done.SerializeAsString());
  RestartMaster();
  ReconnectServers();
  ASSERT_OK_AND_ASSIGN(const auto chunks, client_->GetChunks("/f"));
  ASSERT_THAT(chunks.chunks(), SizeIs(1));
  EXPECT_EQ(chunks.chunks(0).state(), pb::CHUNK_STATE_SEALED);
  EXPECT_EQ(chunks.chunks(0).crc(), FakeCrc(100));
}

TEST_F(WriteTest, SealsComeInOneCallWithOthersUnlessTheyHaveToWait) {
  StartMaster();
  AddServers(3);
  const OpenFile good = WriteFile("/good", 100);
  const OpenFile sealed = WriteFile("/sealed", 100);
  ASSERT_OK(client_->Call(client_->ResolveRequest(sealed.file, sealed.chunk, 0)));
  pb::ChangeManyRequest request;
  *request.add_changes()->mutable_complete() =
      CompleteWithSeal(client_.get(), good.file, good.chunk, 100);
  *request.add_changes()->mutable_complete() =
      CompleteWithSeal(client_.get(), sealed.file, sealed.chunk, 100);
  ASSERT_OK_AND_ASSIGN(const auto made, client_->Call(request));
  EXPECT_EQ(made.answers(0).code(), 0);
  EXPECT_EQ(made.answers(1).code(), static_cast<int>(Code::kUnavailable));
  // Alone it may wait for its copies, and is told that it was sealed alike.
  ASSERT_OK_AND_ASSIGN(const auto alone, client_->Call(request.changes(1).complete()));
  EXPECT_EQ(alone.status().length(), 100u);
}

TEST_F(WriteTest, ARepeatedCompleteIsAnsweredWhateverBecameOfTheCopies) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  const auto request = CompleteWithSeal(client_.get(), open.file, open.chunk, 100);
  ASSERT_OK(client_->Call(request));
  for (int i = 1; i < 3; ++i) {
    ServerOf(open.chunk.replicas(i))->Report(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  }
  WriteFile("/other", 10);  // a server tells its changes before it has made this
  ASSERT_OK_AND_ASSIGN(const auto repeated, client_->Call(request));
  EXPECT_EQ(repeated.status().length(), 100u);
}

TEST_F(WriteTest, ASealWhoseServersAreLostWaitsForItsCopies) {
  StartMaster();
  AddServers(4);
  const OpenFile open = WriteFile("/f", 100);
  const auto request = CompleteWithSeal(client_.get(), open.file, open.chunk, 100);
  // Two of the three lose their replicas before the seal is in the log.
  for (int i = 1; i < 3; ++i) {
    ServerOf(open.chunk.replicas(i))->Report(open.id(), pb::REPLICA_STATE_REMOVED, 0);
  }
  WriteFile("/on_all", 10,
            /*replication=*/4);  // a server tells its changes before it has made this
  // The master may have begun to seal the chunk by force, because of what was reported. Whoever
  // completes a file asks again then.
  absl::StatusOr<pb::CompleteResponse> done;
  do {
    done = client_->Call(request);
  } while (absl::IsUnavailable(done.status()));
  ASSERT_OK(done);
  EXPECT_EQ(done->status().length(), 100u);
  int holders = 0;
  for (const auto& server : servers_) {
    holders += server->Replica(open.id()).state() == pb::REPLICA_STATE_FINALIZED ? 1 : 0;
  }
  EXPECT_GE(holders, 2) << "copied before the answer";
}

TEST_F(WriteTest, ASealOfAnotherLengthIsNotBelieved) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 100);
  ASSERT_OK(client_->Call(client_->ResolveRequest(open.file, open.chunk, 0)));
  const auto request = CompleteWithSeal(client_.get(), open.file, open.chunk, 90);
  EXPECT_THAT(client_->Call(request), StatusIs(Code::kFailedPrecondition, HasSubstr("100")));
  EXPECT_THAT(client_->Stat("/f"), StatusIs(Code::kNotFound));
}

TEST_F(WriteTest, NoServerIsAskedForAFileThatCannotBeMade) {
  StartMaster();
  AddServers(3);
  CompleteFile("/f", 10);
  ASSERT_OK_AND_ASSIGN(const auto refused, client_->Call(client_->CreateManyRequest({"/f"}, 100)));
  EXPECT_EQ(refused.answers(0).code(), static_cast<int>(Code::kAlreadyExists));
  for (const auto& server : servers_) EXPECT_EQ(server->CountOrders(Order::kCreate), 1);
}

TEST_F(WriteTest, NeedsEnoughServers) {
  StartMaster();
  AddServers(3);
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f")));
  servers_[0]->Disconnect();
  servers_[1]->Disconnect();
  const auto refused = [&] { return client_->Call(client_->AllocateRequest(file)).status(); };
  EXPECT_TRUE(Eventually([&] { return refused().code() == Code::kUnavailable; }));
  EXPECT_THAT(refused(), StatusIs(Code::kUnavailable,
                                  HasSubstr("1 of 3 chunkservers alive, need 2 "
                                            "(min_write_replicas). Try: dfs admin report")));
  ASSERT_OK(servers_[0]->Connect());
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(client_->AllocateRequest(file)));
  EXPECT_THAT(chunk.chunk().replicas(), SizeIs(2));
  EXPECT_EQ(chunk.chunk().wanted_replicas(), 3u);
}

TEST_F(WriteTest, OneServerIsEnoughForAClusterOfOne) {
  StartMaster();
  AddServers(1);
  CompleteFile("/f", 10);
}

TEST_F(WriteTest, AServerThatCannotMakeAReplicaIsReplaced) {
  StartMaster();
  AddServers(4);
  servers_[0]->SetOverride([](const Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_create()) return std::nullopt;
    return FakeChunkserver::Failure(static_cast<int>(Code::kResourceExhausted));
  });
  for (int i = 0; i < 5; ++i) {
    const OpenFile open = WriteFile("/f" + std::to_string(i), 10);
    EXPECT_THAT(open.chunk.replicas(), SizeIs(3));
    for (const auto& replica : open.chunk.replicas()) EXPECT_NE(replica.node(), "n1");
  }
  // What was made for rounds that failed is taken away again.
  for (const auto& server : servers_) {
    EXPECT_TRUE(Eventually([&] {
      return static_cast<int>(server->Chunks().size()) ==
             server->CountOrders(Order::kCreate) - server->CountOrders(Order::kDelete);
    }));
  }
}

TEST_F(WriteTest, TheWritersBadExperienceIsOnlyAHint) {
  StartMaster();
  AddServers(2);
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(client_->CreateRequest("/f", 2)));
  auto request = client_->AllocateRequest(file);
  request.add_exclude_servers(servers_[0]->id().value());
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(request));
  EXPECT_THAT(chunk.chunk().replicas(), SizeIs(2)) << "better a doubtful server than none";
}

TEST_F(WriteTest, ANewChunkOnlyAfterTheLastIsSealed) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 10);
  EXPECT_THAT(client_->Call(client_->AllocateRequest(open.file, 1)),
              StatusIs(Code::kFailedPrecondition));
  SealCleanly(open, 10);
  ASSERT_OK_AND_ASSIGN(const auto next, client_->Call(client_->AllocateRequest(open.file, 1)));
  EXPECT_EQ(next.chunk().file_offset(), 10u);
  EXPECT_EQ(next.chunk().ordinal(), 1u);
}

TEST_F(WriteTest, RetriesHaveTheEffectOfOneAlsoAfterARestart) {
  StartMaster();
  AddServers(3);
  const auto create = client_->CreateRequest("/f");
  ASSERT_OK_AND_ASSIGN(const auto file, client_->Call(create));
  const auto allocate = client_->AllocateRequest(file);
  ASSERT_OK_AND_ASSIGN(const auto chunk, client_->Call(allocate));
  const auto complete = client_->CompleteRequest(file, 20);
  const auto repeat = [&](const char* when) {
    const auto again = client_->Call(create);
    ASSERT_OK(again.status()) << when;
    EXPECT_EQ(again->inode_id(), file.inode_id()) << when;
    EXPECT_EQ(again->writer_token(), file.writer_token()) << when;
    const auto chunk_again = client_->Call(allocate);
    ASSERT_OK(chunk_again.status()) << when;
    EXPECT_EQ(chunk_again->chunk().chunk_id(), chunk.chunk().chunk_id()) << when;
  };
  repeat("at once");
  RestartMaster();
  ReconnectServers();
  repeat("after a restart");
  const ServerId primary(chunk.chunk().replicas(0).server_id());
  const ChunkId id(chunk.chunk().chunk_id());
  for (const auto& server : servers_) server->Append(id, 20);
  ASSERT_OK(client_->ReportSealed(id, primary, 20));
  ASSERT_OK(client_->ReportSealed(id, primary, 20)) << "the same report again";
  EXPECT_THAT(client_->ReportSealed(id, primary, 30), StatusIs(Code::kFailedPrecondition));
  ASSERT_OK(client_->Call(complete));
  ASSERT_OK(client_->Call(complete));
  RestartMaster();
  ASSERT_OK(client_->Call(complete));
  repeat("after the file is complete");
}

TEST_F(WriteTest, ARetriedDeleteDoesNotDeleteTheNextFileOfThatName) {
  StartMaster();
  auto touch = client_->CreateRequest("/f");
  touch.set_empty(true);
  ASSERT_OK(client_->Call(touch));
  pb::DeleteRequest request;
  *request.mutable_header() = client_->NextHeader();
  request.set_path("/f");
  ASSERT_OK_AND_ASSIGN(auto deleted, client_->Call(request));
  EXPECT_TRUE(deleted.deleted());
  auto again = client_->CreateRequest("/f");
  again.set_empty(true);
  ASSERT_OK(client_->Call(again));
  ASSERT_OK_AND_ASSIGN(deleted, client_->Call(request));
  EXPECT_TRUE(deleted.deleted()) << "the answer of the first try";
  EXPECT_OK(client_->Stat("/f"));
}

TEST_F(WriteTest, CompleteWaitsForEnoughDurableCopies) {
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 50);
  // Two of three die at once: the survivor alone seals, and that is one copy.
  servers_[1]->Disconnect();
  servers_[2]->Disconnect();
  ASSERT_OK(client_->Call(client_->ResolveRequest(open.file, open.chunk, 50)));
  auto complete = client_->CompleteRequest(open.file, 50);
  pb::CompleteResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(600));
  const auto stub = pb::Namespace::NewStub(rpc::MakeChannel(listen_, rpc::ChannelKind::kControl));
  EXPECT_THAT(rpc::FromGrpc(stub->Complete(&context, complete, &response)),
              StatusIs(Code::kUnavailable, HasSubstr("has 1 durable copies, need 2")));
  ASSERT_OK(servers_[1]->Restart());
  ASSERT_OK(client_->Call(complete));
  EXPECT_OK(client_->Stat("/f"));
}

// Its server is well and heartbeats, so nobody declares it dead.
TEST_F(WriteTest, CompleteDoesNotWaitForAServerWhoseDiskHangs) {
  options_.finalize_patience = absl::Milliseconds(50);
  StartMaster();
  AddServers(3);
  const OpenFile open = WriteFile("/f", 50, 2);
  FakeChunkserver* const hangs = ServerOf(open.chunk.replicas(1));
  hangs->SetOverride([](const Order& order) -> std::optional<FakeChunkserver::Result> {
    if (!order.has_fence() && !order.has_finalize()) return std::nullopt;
    return FakeChunkserver::Silence();
  });
  ASSERT_OK(client_->Call(client_->ResolveRequest(open.file, open.chunk, 50)));
  ASSERT_OK(client_->Call(client_->CompleteRequest(open.file, 50)));
  EXPECT_EQ(CountFinalized(open.id()), 2u);
  EXPECT_EQ(hangs->CountOrders(Order::kCopy), 0);
}

TEST_F(WriteTest, AGarbageRequestGetsAClearError) {
  StartMaster();
  pb::MkdirsRequest no_client;
  no_client.set_path("/a");
  EXPECT_THAT(client_->Call(no_client), StatusIs(Code::kInvalidArgument, HasSubstr("client id")));
  pb::ResolveChunkRequest nonsense;
  nonsense.set_inode_id(99);
  EXPECT_THAT(client_->Call(nonsense), StatusIs(Code::kNotFound));
  pb::ReportBadReplicaRequest report;
  report.set_chunk_id(5);
  EXPECT_THAT(client_->Call(report), StatusIs(Code::kNotFound));
}

}  // namespace
}  // namespace quern::master
