// The append road: chain, acknowledgements, dedupe, seal, and what happens when a server breaks it.
#include <thread>

#include "common/clock.h"
#include "common/crc32c.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

class AppendTest : public ChunkserverTest, public ::testing::WithParamInterface<int> {};

TEST_F(AppendTest, EveryReplicaOfTheChainHasTheBytesAndTheSealIsTheSame) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  AppendClient client(kChunk, master_->Chain(kNodes));
  std::string all;
  for (uint64_t seq = 1; seq <= 30; ++seq) {
    const std::string piece = Text(seq % 7 == 0 ? (1 << 20) : 10'000 + seq * 1'111, seq);
    client.Send(seq, piece);
    all += piece;
  }
  ASSERT_TRUE(client.AwaitCommitted(all.size())) << client.error;
  EXPECT_EQ(client.opened_at, 0u);
  EXPECT_EQ(client.last_seq, 30u);
  client.Sync(5);
  ASSERT_TRUE(client.Await([&] { return client.synced_id == 5; })) << client.error;
  for (const std::string& node : kNodes) {
    const auto replica = servers_[node]->store().Find(kChunk);
    ASSERT_OK(replica);
    EXPECT_EQ((*replica)->facts().synced, all.size()) << node;
  }
  client.Seal();
  ASSERT_TRUE(client.Await([&] { return client.sealed.has_value(); })) << client.error;
  client.CloseSend();
  EXPECT_OK(client.AwaitEnd());
  EXPECT_EQ(client.sealed->length(), all.size());
  EXPECT_EQ(client.sealed->crc(), Crc32c(all));
  ASSERT_TRUE(master_->Sealed(kChunk).has_value());
  EXPECT_EQ(master_->Sealed(kChunk)->crc(), Crc32c(all));
  for (const std::string& node : kNodes) {
    EXPECT_TRUE(master_->AwaitState(node, kChunk, pb::REPLICA_STATE_FENCED)) << node;
    ASSERT_OK(master_->Finalize(node, kChunk, all.size(), Crc32c(all)));
    EXPECT_TRUE(master_->AwaitState(node, kChunk, pb::REPLICA_STATE_FINALIZED)) << node;
    ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read(node, kChunk));
    EXPECT_TRUE(answer.bytes == all) << node;
  }
}

TEST_F(AppendTest, AChainOfOneWorksAlike) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == text);
}

TEST_F(AppendTest, SyncFilesAreOnEveryDiskBeforeTheAck) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes, 1 << 20, pb::DURABILITY_SYNC));
  AppendClient client(kChunk, master_->Chain(kNodes));
  client.Send(1, "hello");
  ASSERT_TRUE(client.AwaitCommitted(5));
  for (const std::string& node : kNodes) {
    EXPECT_EQ((*servers_[node]->store().Find(kChunk))->facts().synced, 5u) << node;
  }
}

TEST_F(AppendTest, ResentMessagesAreAnsweredAndNotAppendedAgain) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  {
    AppendClient client(kChunk, master_->Chain(kNodes), {.producer = 7, .base_seq = 4});
    for (uint64_t seq = 4; seq <= 6; ++seq) client.Send(seq, "abc");
    client.Send(5, "abc");
    ASSERT_TRUE(client.AwaitCommitted(9));
    client.Send(4, "abc");
    client.Send(7, "abc");
    ASSERT_TRUE(client.Await([&] { return client.last_seq == 7; }));
    EXPECT_EQ(client.committed, 12u);
    client.CloseSend();
    EXPECT_OK(client.AwaitEnd());
  }
  // Its end travels down the chain: the servers let go of the chunk one after the other.
  for (const auto& [node, server] : servers_) {
    while (server->services().metrics->append_streams.Value() > 0) std::this_thread::yield();
  }
  // A new stream of the same producer, which does not know what arrived, and another producer.
  AppendClient again(kChunk, master_->Chain(kNodes), {.producer = 7, .base_seq = 4});
  for (uint64_t seq = 4; seq <= 8; ++seq) again.Send(seq, "abc");
  ASSERT_TRUE(again.Await([&] { return again.last_seq == 8; })) << again.error;
  EXPECT_EQ(again.opened_at, 12u);
  EXPECT_EQ(again.committed, 15u);
  again.CloseSend();
  EXPECT_OK(again.AwaitEnd());
  ASSERT_OK_AND_ASSIGN(const auto fence, master_->Fence("n3", kChunk, 7));
  EXPECT_EQ(fence.replica().length(), 15u);
  EXPECT_EQ(fence.last_seq(), 8u);
  EXPECT_FALSE(fence.suspect());
  ASSERT_OK_AND_ASSIGN(const auto other, master_->Fence("n3", kChunk, 99));
  EXPECT_EQ(other.last_seq(), 0u);
}

TEST_F(AppendTest, AClientsMistakesEndTheStreamAndChangeNothing) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes, 1000));
  const auto chain = master_->Chain(kNodes);
  struct Mistake {
    const char* what;
    std::function<void(AppendClient*)> make;
    absl::StatusCode code;
  };
  const Mistake mistakes[] = {
      {"a gap", [](AppendClient* client) { client->Send(3, "x"); },
       absl::StatusCode::kInvalidArgument},
      {"bytes that do not match", [](AppendClient* client) { client->SendWithCrc(1, "x", 123); },
       absl::StatusCode::kDataLoss},
      {"nothing", [](AppendClient* client) { client->Send(1, ""); },
       absl::StatusCode::kInvalidArgument},
      {"too much", [&](AppendClient* client) { client->Send(1, Text(1001)); },
       absl::StatusCode::kOutOfRange},
  };
  // A chunk for each: the last of a chain hears a little later that the stream before has ended,
  // and who opens the next one before that makes the chain end.
  ChunkId chunk(1000);
  for (const Mistake& mistake : mistakes) {
    chunk = ChunkId(chunk.value() + 1);
    ASSERT_OK(master_->Create(chunk, kNodes, 1000));
    AppendClient client(chunk, chain);
    ASSERT_TRUE(client.Await([&] { return client.opened_at.has_value(); })) << client.error;
    mistake.make(&client);
    EXPECT_THAT(client.AwaitEnd(), StatusIs(mistake.code)) << mistake.what;
    EXPECT_NE(client.error, "") << mistake.what;
    for (const std::string& node : kNodes) {
      ASSERT_OK_AND_ASSIGN(const auto fence, master_->Fence(node, chunk));
      EXPECT_EQ(fence.replica().state(), pb::REPLICA_STATE_FENCED) << mistake.what;
      EXPECT_EQ(fence.replica().length(), 0u) << mistake.what << " at " << node;
    }
  }
  EXPECT_THAT(AppendClient(ChunkId(99), chain).AwaitEnd(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(AppendClient(kChunk, chain, {.position = 1}).AwaitEnd(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at the primary")));
  EXPECT_THAT(AppendClient(kChunk, master_->Chain({"n1", "n3", "n2"})).AwaitEnd(),
              StatusIs(absl::StatusCode::kInvalidArgument));
  AppendClient client(kChunk, chain);
  client.Send(1, "still open");
  EXPECT_TRUE(client.AwaitCommitted(10)) << client.error;
  EXPECT_THAT(AppendClient(kChunk, chain).AwaitEnd(), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(AppendTest, AFencedReplicaBreaksTheChainAndThePrimaryFencesItself) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  AppendClient client(kChunk, master_->Chain(kNodes));
  client.Send(1, "abc");
  ASSERT_TRUE(client.AwaitCommitted(3));
  ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence("n2", kChunk, 7));
  EXPECT_EQ(fenced.replica().length(), 3u);
  client.Send(2, "def");
  EXPECT_FALSE(client.AwaitEnd().ok());
  EXPECT_EQ(client.committed, 3u);
  EXPECT_EQ(client.failed_server, master_->Chain({"n2"})[0].server_id()) << client.error;
  EXPECT_TRUE(master_->AwaitState("n1", kChunk, pb::REPLICA_STATE_FENCED));
}

// The middle, then the last server of the chain is killed; then the primary itself.
TEST_P(AppendTest, AKilledServerCostsNothingThatWasAcknowledged) {
  const std::string victim = kNodes[static_cast<size_t>(GetParam())];
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  const auto chain = master_->Chain(kNodes);
  AppendClient client(kChunk, chain);
  std::string all;
  uint64_t seq = 0;
  const auto send = [&] {
    const std::string piece = Text(100'000, ++seq);
    all += piece;
    client.Send(seq, piece);
  };
  for (int i = 0; i < 10; ++i) send();
  ASSERT_TRUE(client.AwaitCommitted(500'000));
  Kill(victim);
  for (int i = 0; i < 10; ++i) send();
  EXPECT_FALSE(client.AwaitEnd().ok());
  if (victim != "n1") {
    EXPECT_EQ(client.failed_server, master_->Chain({victim})[0].server_id()) << client.error;
  }
  // What a master does: fence the survivors, take the least length, tell them.
  uint64_t length = UINT64_MAX;
  uint32_t crc = 0;
  uint64_t last_seq = 0;
  for (const std::string& node : kNodes) {
    if (node == victim) continue;
    ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence(node, kChunk, 7));
    EXPECT_LE(fenced.committed(), fenced.replica().length());
    EXPECT_GE(fenced.replica().length(), client.committed) << "the floor";
    if (fenced.replica().length() < length) {
      length = fenced.replica().length();
      crc = fenced.replica().crc();
      last_seq = fenced.last_seq();
    }
  }
  EXPECT_EQ(crc, Crc32c(std::string_view(all).substr(0, length)));
  EXPECT_EQ(last_seq, length / 100'000) << "whole messages only";
  EXPECT_GE(last_seq, client.last_seq);
  for (const std::string& node : kNodes) {
    if (node == victim) continue;
    ASSERT_OK_AND_ASSIGN(const auto result, master_->Finalize(node, kChunk, length, crc));
    EXPECT_EQ(result.replica().state(), pb::REPLICA_STATE_FINALIZED);
    ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read(node, kChunk));
    EXPECT_TRUE(answer.bytes == all.substr(0, length)) << node;
  }
  // The victim comes back: fenced by its restart, and it fits or is stale.
  Start(victim);
  ASSERT_TRUE(master_->AwaitSessions({victim}));
  const auto inventory = master_->Inventory(victim);
  ASSERT_EQ(inventory.size(), 1u);
  EXPECT_EQ(inventory[0].state(), pb::REPLICA_STATE_FENCED);
  ASSERT_OK_AND_ASSIGN(const auto result, master_->Finalize(victim, kChunk, length, crc));
  const bool long_enough = inventory[0].length() >= length;
  EXPECT_EQ(result.replica().state(),
            long_enough ? pb::REPLICA_STATE_FINALIZED : pb::REPLICA_STATE_STALE);
}
INSTANTIATE_TEST_SUITE_P(AnyPosition, AppendTest, ::testing::Values(0, 1, 2));

TEST_F(AppendTest, TheSealWaitsForAMasterThatIsAway) {
  StartAll(kNodes);
  ASSERT_OK(master_->Create(kChunk, kNodes));
  master_->AnswerSeals(UnavailableError("starting"));
  AppendClient client(kChunk, master_->Chain(kNodes));
  client.Send(1, "abc");
  client.Seal();
  // Its own commit is acknowledged; the seal is not, before the master has it.
  ASSERT_TRUE(client.AwaitCommitted(3));
  while (master_->seal_reports() < 2) Clock::Real()->Sleep(absl::Milliseconds(5));
  EXPECT_FALSE(client.sealed.has_value());
  master_->AnswerSeals(absl::OkStatus());
  EXPECT_TRUE(client.Await([&] { return client.sealed.has_value(); })) << client.error;
}

TEST_F(AppendTest, ASealThatTheMasterRefusesIsAnError) {
  StartAll({"n1"});
  ASSERT_OK(master_->Create(kChunk, {"n1"}));
  master_->AnswerSeals(FailedPreconditionError("it was sealed by force"));
  AppendClient client(kChunk, master_->Chain({"n1"}));
  client.Send(1, "abc");
  client.Seal();
  EXPECT_THAT(client.AwaitEnd(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(client.sealed.has_value());
}

}  // namespace
}  // namespace quern::chunkserver
