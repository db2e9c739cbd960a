// The session with the master, restarts, and whom a chunkserver obeys.
#include "common/clock.h"
#include "common/crc32c.h"
#include "common/inventory_digest.h"
#include "tests/chunkserver/service/test_cluster.h"

namespace quern::chunkserver {
namespace {

class SessionTest : public ChunkserverTest {
 protected:
  bool AwaitTrouble(const std::string& node) {
    const absl::Time give_up = Clock::Real()->MonotonicNow() + FakeMaster::kPatience;
    while (servers_[node]->session().state().trouble.find("FAILED_PRECONDITION") ==
           std::string::npos) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
      Clock::Real()->Sleep(absl::Milliseconds(5));
    }
    return true;
  }
};

TEST_F(SessionTest, RegistersWithDigestsOfWhatItHas) {
  StartAll({"n1"});
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  const auto registration = master_->Registration("n1");
  EXPECT_EQ(registration.cluster_id(), "test-cluster");
  EXPECT_EQ(registration.max_term(), 1u);
  EXPECT_EQ(registration.max_log_index(), 10u);
  EXPECT_NE(registration.start_id(), 0u);
  EXPECT_EQ(registration.max_chunk_id(), kChunk.value());
  EXPECT_EQ(registration.replica_count(), 1u);
  EXPECT_EQ(registration.boot_id(), "boot-1");
  EXPECT_EQ(registration.disks_size(), 1);
  ASSERT_EQ(registration.digests_size(), static_cast<int>(kInventoryBuckets));
  for (uint32_t bucket = 0; bucket < kInventoryBuckets; ++bucket) {
    const bool here = bucket == InventoryBucket(kChunk);
    EXPECT_EQ(registration.digests(static_cast<int>(bucket)),
              here ? InventoryHash(kChunk, 3, text.size(), Crc32c(text)) : 0);
  }
  const auto inventory = master_->Inventory("n1");
  ASSERT_EQ(inventory.size(), 1u);
  EXPECT_EQ(inventory[0].crc(), Crc32c(text));
}

TEST_F(SessionTest, TellsItsDigestsWheneverTheMasterAsks) {
  StartAll({"n1"});
  EXPECT_EQ(master_->Digests("n1"), std::vector<uint64_t>(kInventoryBuckets, 0));
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  std::vector<uint64_t> expected(kInventoryBuckets, 0);
  expected[InventoryBucket(kChunk)] = InventoryHash(kChunk, 3, text.size(), Crc32c(text));
  EXPECT_EQ(master_->Digests("n1"), expected);
  ASSERT_OK(master_->Delete("n1", kChunk));
  EXPECT_EQ(master_->Digests("n1"), std::vector<uint64_t>(kInventoryBuckets, 0));
}

TEST_F(SessionTest, ComesBackToAMasterThatRestarts) {
  StartAll({"n1"});
  master_.reset();
  StartMaster({.term = 2, .log_index = 11});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  EXPECT_OK(master_->Create(kChunk, {"n1"}));
}

TEST_F(SessionTest, AppendsGoOnWithoutTheMaster) {
  StartAll({"n1", "n2"});
  ASSERT_OK(master_->Create(kChunk, {"n1", "n2"}));
  const auto chain = master_->Chain({"n1", "n2"});
  AppendClient client(kChunk, chain);
  client.Send(1, "abc");
  ASSERT_TRUE(client.AwaitCommitted(3));
  master_.reset();
  client.Send(2, "def");
  client.Sync(1);
  EXPECT_TRUE(client.Await([&] { return client.synced_id == 1; })) << client.error;
  EXPECT_EQ(client.committed, 6u);
}

TEST_F(SessionTest, RefusesAMasterOfThePastAndOneOfAnotherCluster) {
  StartMaster({.term = 5, .log_index = 100});
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  const std::string text = MakeSealedChunk(kChunk, {"n1"});
  // An old term: no session.
  master_.reset();
  StartMaster({.term = 4, .log_index = 200});
  EXPECT_TRUE(AwaitTrouble("n1"));
  // Also after a restart of the server: it is durable.
  Start("n1");
  EXPECT_TRUE(AwaitTrouble("n1"));
  master_.reset();
  StartMaster({.cluster_id = "another", .term = 9, .log_index = 200});
  Start("n1");
  EXPECT_TRUE(AwaitTrouble("n1"));
  // A new term over an old log (a restored backup).
  master_.reset();
  StartMaster({.term = 6, .log_index = 99});
  Start("n1");
  EXPECT_TRUE(AwaitTrouble("n1"));
  // The same term and a longer log, but another start: a copy of the directory that went on.
  master_.reset();
  StartMaster({.term = 5, .log_index = 300, .start_id = 77});
  Start("n1");
  EXPECT_TRUE(AwaitTrouble("n1"));
  // The one that knows everything.
  master_.reset();
  StartMaster({.term = 6, .log_index = 101});
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  ASSERT_OK_AND_ASSIGN(const ReadAnswer answer, Read("n1", kChunk));
  EXPECT_TRUE(answer.bytes == text);
  master_->SetLogIndex(99);
  EXPECT_THAT(master_->Delete("n1", kChunk), StatusIs(absl::StatusCode::kFailedPrecondition));
  master_->SetLogIndex(101);
  EXPECT_OK(master_->Delete("n1", kChunk));
}

TEST_F(SessionTest, BeingAdmittedAloneFollowsNobody) {
  StartMaster({.term = 5, .log_index = 100});
  Start("n1");
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  MakeSealedChunk(kChunk, {"n1"});
  // A copy that was started by mistake admits the server and is stopped before it gives an order.
  master_.reset();
  StartMaster({.term = 6, .log_index = 101, .start_id = 77});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  master_.reset();
  StartMaster({.term = 6, .log_index = 101, .start_id = 78});
  ASSERT_TRUE(master_->AwaitSessions({"n1"}));
  // Progress counts like an order, so that a server without orders notices an old copy too.
  master_->TellProgress("n1", 150);
  master_->SetLogIndex(150);
  ASSERT_OK(master_->Carry("n1", {}).status().code() == absl::StatusCode::kUnimplemented
                ? absl::OkStatus()
                : InternalError("no answer"));
  master_.reset();
  StartMaster({.term = 7, .log_index = 140});
  EXPECT_TRUE(AwaitTrouble("n1"));
}

TEST_F(SessionTest, ARestartFencesOpenReplicasAndAnotherBootMakesThemSuspect) {
  struct Row {
    const char* boot;
    pb::Durability durability;
    bool suspect;
  };
  const Row rows[] = {{"boot-1", pb::DURABILITY_ON_CLOSE, false},
                      {"boot-2", pb::DURABILITY_ON_CLOSE, true},
                      {"boot-2", pb::DURABILITY_SYNC, false}};
  StartAll({"n1"});
  uint64_t id = 1;
  for (const Row& row : rows) {
    Start("n1", 1, "boot-1");
    ASSERT_TRUE(master_->AwaitSessions({"n1"}));
    const ChunkId chunk(id++);
    ASSERT_OK(master_->Create(chunk, {"n1"}, 1 << 20, row.durability));
    {
      AppendClient client(chunk, master_->Chain({"n1"}));
      client.Send(1, "abc");
      ASSERT_TRUE(client.AwaitCommitted(3));
    }
    Start("n1", 1, row.boot);
    ASSERT_TRUE(master_->AwaitSessions({"n1"}));
    AppendClient late(chunk, master_->Chain({"n1"}));
    EXPECT_FALSE(late.AwaitEnd().ok()) << "the latch holds";
    ASSERT_OK_AND_ASSIGN(const auto fenced, master_->Fence("n1", chunk, 7));
    EXPECT_EQ(fenced.replica().state(), pb::REPLICA_STATE_FENCED);
    EXPECT_EQ(fenced.replica().length(), 3u);
    EXPECT_EQ(fenced.last_seq(), 1u);
    EXPECT_EQ(fenced.suspect(), row.suspect) << row.boot;
    // Once fenced it stays what it is, whatever boots come.
    Start("n1", 1, "boot-3");
    ASSERT_TRUE(master_->AwaitSessions({"n1"}));
    ASSERT_OK_AND_ASSIGN(const auto again, master_->Fence("n1", chunk, 7));
    EXPECT_EQ(again.suspect(), row.suspect) << row.boot;
  }
}

TEST_F(SessionTest, OrdersOfOneChunkKeepTheirOrderAndABadOneIsAnswered) {
  StartAll({"n1"});
  EXPECT_THAT(master_->Fence("n1", kChunk), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(master_->Carry("n1", {}), StatusIs(absl::StatusCode::kUnimplemented));
  pb::Order create;
  create.mutable_create()->set_chunk_id(5);
  EXPECT_THAT(master_->Carry("n1", create), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(master_->Create(kChunk, {"n1"}));
  EXPECT_THAT(master_->Create(kChunk, {"n1"}), StatusIs(absl::StatusCode::kAlreadyExists))
      << "an id is given out once";
  ASSERT_OK(master_->Fence("n1", kChunk));
  EXPECT_THAT(master_->Create(kChunk, {"n1"}), StatusIs(absl::StatusCode::kAlreadyExists));
}

}  // namespace
}  // namespace quern::chunkserver
