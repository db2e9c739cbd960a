#include "master/logic/chunk_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/master/logic/test_servers.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;

constexpr auto kOpen = pb::REPLICA_STATE_OPEN;
const std::vector<ServerId> kChain = {ServerId(1), ServerId(2), ServerId(3)};

TEST(ChunkTableTest, ChunksFromTheLogHaveHintsOnly) {
  ChunkTable table;
  table.Load(ChunkId(7), pb::CHUNK_STATE_SEALED, 100, 5, 3, kChain);
  const ChunkInfo chunk = *table.Find(ChunkId(7));
  EXPECT_EQ(chunk.length, 100u);
  ASSERT_EQ(chunk.replicas.size(), 3u);
  for (const Replica& replica : chunk.replicas) {
    EXPECT_EQ(replica.state, kFinalized);
    EXPECT_FALSE(replica.confirmed);
  }
}

TEST(ChunkTableTest, ANewChunkHasItsWholeChain) {
  ChunkTable table;
  table.Open(ChunkId(7), 3, kChain);
  for (const ServerId server : kChain) {
    EXPECT_EQ(*table.Find(ChunkId(7))->Find(server), (Replica{server, kOpen, true}));
  }
  EXPECT_EQ(table.CountOnServer(ServerId(2)), 1u);
}

TEST(ChunkTableTest, HoldsMoreReplicasThanFitIntoAnEntry) {
  ChunkTable table;
  table.Load(ChunkId(7), pb::CHUNK_STATE_SEALED, 1, 1, 20, {});
  for (uint32_t server = 1; server <= 20; ++server) {
    table.SetReplica(ChunkId(7), {ServerId(server), kFinalized, true});
    ASSERT_OK(table.Validate());
  }
  EXPECT_EQ(table.Find(ChunkId(7))->replicas.size(), 20u);
  for (uint32_t server = 1; server <= 18; ++server) {
    table.RemoveReplica(ChunkId(7), ServerId(server));
    ASSERT_OK(table.Validate());
  }
  EXPECT_THAT(table.Find(ChunkId(7))->replicas,
              ElementsAre(Replica{ServerId(19), kFinalized, true},
                          Replica{ServerId(20), kFinalized, true}));
}

TEST(ChunkTableTest, DigestsAreWhatAServerWithTheseReplicasComputes) {
  ChunkTable table;
  InventoryDigests expected{};
  for (uint64_t id = 1; id <= 500; ++id) {
    table.Open(ChunkId(id), 1, {{ServerId(4)}});
    table.Seal(ChunkId(id), id * 10, static_cast<uint32_t>(id), true);
    table.SetReplica(ChunkId(id), {ServerId(4), kFinalized, true});
    expected[InventoryBucket(ChunkId(id))] ^=
        InventoryHash(ChunkId(id), kFinalized, id * 10, static_cast<uint32_t>(id));
  }
  EXPECT_EQ(table.Digests(ServerId(4)), expected);
  EXPECT_EQ(table.Digests(ServerId(5)), InventoryDigests{});
}

// The chunks on a server as a walk finds them, each once.
std::set<uint64_t> WalkOver(const ChunkTable& table, ServerId server, size_t limit) {
  std::set<uint64_t> chunks;
  ChunkTable::Walk walk;
  while (!walk.at_end()) {
    for (const ChunkInfo& chunk : table.NextOnServer(server, limit, &walk)) {
      EXPECT_TRUE(chunks.insert(chunk.id.value()).second) << chunk.id.ToString();
    }
  }
  return chunks;
}

TEST(ChunkTableTest, AWalkThatIsInterruptedMissesNoChunkThatStays) {
  ChunkTable table;
  const ServerId server(4);
  for (uint64_t id = 1; id <= 3000; ++id) table.Open(ChunkId(id), 1, {{server}});
  std::set<uint64_t> seen;
  ChunkTable::Walk walk;
  uint64_t next = 3001;
  while (!walk.at_end()) {
    for (const ChunkInfo& chunk : table.NextOnServer(server, 10, &walk)) {
      EXPECT_TRUE(seen.insert(chunk.id.value()).second) << chunk.id.ToString();
      // Odd ones go as they are met, and new ones take their slots.
      if (chunk.id.value() % 2 == 1) table.Remove(chunk.id);
    }
    table.Open(ChunkId(next), 1, {{server}});
    next += 2;
  }
  for (uint64_t id = 2; id <= 3000; id += 2) EXPECT_TRUE(seen.contains(id)) << id;
  ASSERT_OK(table.Validate());
}

TEST(ChunkTableTest, LengthsUpToTheLargestChunkAreKept) {
  ChunkTable table;
  table.Open(ChunkId(7), 1, kChain);
  table.Seal(ChunkId(7), uint64_t{4} << 30, 5, true);
  EXPECT_EQ(table.Find(ChunkId(7))->length, uint64_t{4} << 30);
}

using ChunkTableWalkTest = RandomTest;

TEST_F(ChunkTableWalkTest, AgreesWithAMapAndKeepsItsSums) {
  ChunkTable table(6);  // fewer numbers than servers
  std::map<uint64_t, std::map<uint32_t, Replica>> model;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t id = 1 + Below(60);
    const auto server = static_cast<uint32_t>(1 + Below(9));
    const auto state = static_cast<pb::ReplicaState>(1 + Below(5));
    switch (Below(10)) {
      case 0:
        table.Open(ChunkId(id), 3, kChain);
        model[id].clear();
        for (const ServerId s : kChain) model[id][s.value()] = {s, kOpen, true};
        break;
      case 1:
        table.Seal(ChunkId(id), Below(1000), static_cast<uint32_t>(Below(1000)), OneIn(2));
        break;
      case 2:
        table.Remove(ChunkId(id));
        model.erase(id);
        break;
      case 3:
      case 4:
        table.RemoveReplica(ChunkId(id), ServerId(server));
        if (model.contains(id)) model[id].erase(server);
        break;
      default:
        table.SetReplica(ChunkId(id), {ServerId(server), state, OneIn(2)});
        if (model.contains(id))
          model[id][server] = *table.Find(ChunkId(id))->Find(ServerId(server));
    }
    ASSERT_EQ(table.Contains(ChunkId(id)), model.contains(id));
    if (step % 500 != 0) continue;
    ASSERT_OK(table.Validate());
    ASSERT_EQ(table.size(), model.size());
    for (const auto& [chunk, replicas] : model) {
      ASSERT_EQ(table.Find(ChunkId(chunk))->replicas.size(), replicas.size());
      for (const auto& [of, replica] : replicas) {
        ASSERT_EQ(*table.Find(ChunkId(chunk))->Find(ServerId(of)), replica);
      }
    }
    for (uint32_t of = 1; of <= 9; ++of) {
      std::set<uint64_t> expected;
      for (const auto& [chunk, replicas] : model) {
        if (replicas.contains(of)) expected.insert(chunk);
      }
      ASSERT_EQ(WalkOver(table, ServerId(of), 1 + Below(7)), expected);
      ASSERT_EQ(table.CountOnServer(ServerId(of)), expected.size());
    }
  }
}

}  // namespace
}  // namespace quern::master
