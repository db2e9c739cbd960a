#include "master/logic/repair_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "master/logic/garbage_planner.h"
#include "tests/master/logic/test_servers.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RepairPlannerTest : public RandomTest {
 protected:
  RepairPlannerTest() : planner_(std::in_place, RepairPlanner::Options{}, servers_.now) {}

  // A sealed chunk with confirmed replicas on these servers.
  void AddChunk(uint64_t id, uint32_t wanted, const std::vector<uint32_t>& holders,
                uint64_t length = 100) {
    chunks_.Load(ChunkId(id), pb::CHUNK_STATE_SEALED, length, 7, wanted, {});
    for (const uint32_t server : holders) {
      chunks_.SetReplica(ChunkId(id), {ServerId(server), kFinalized, true});
    }
    Update(id);
  }
  void Update(uint64_t id) { planner_->Update(*chunks_.Find(ChunkId(id)), servers_.registry); }
  RepairPlanner::Plan Next() {
    RepairPlanner::Plan plan =
        planner_->Next(chunks_, servers_.registry, &placement_, servers_.now, random_);
    EXPECT_OK(planner_->Validate());
    return plan;
  }
  void Finish(const RepairPlanner::Copy& copy) {
    chunks_.SetReplica(copy.chunk, {copy.target, kFinalized, true});
    planner_->Ended(copy.chunk, copy.target, "", servers_.now);
    Update(copy.chunk.value());
  }
  size_t Good(uint64_t id) {
    return Assess(*chunks_.Find(ChunkId(id)), servers_.registry).good.size();
  }

  TestServers servers_;
  ChunkTable chunks_;
  ChunkPlacement placement_{ChunkPlacement::Options{}};
  std::optional<RepairPlanner> planner_;
};

TEST_F(RepairPlannerTest, CopiesFromAGoodReplicaToAServerWithoutOne) {
  servers_.AddMany(4);
  AddChunk(1, 3, {1, 2});
  const RepairPlanner::Plan plan = Next();
  ASSERT_THAT(plan.copies, SizeIs(1));
  EXPECT_THAT(plan.copies[0].target, ::testing::AnyOf(ServerId(3), ServerId(4)));
  EXPECT_THAT(plan.copies[0].sources, ::testing::UnorderedElementsAre(ServerId(1), ServerId(2)));
  EXPECT_THAT(Next().copies, IsEmpty()) << "it is under way";
  Finish(plan.copies[0]);
  EXPECT_EQ(planner_->under_replicated(), 0u);
}

TEST_F(RepairPlannerTest, ChunksWithOneCopyLeftGoFirst) {
  servers_.AddMany(5);
  RepairPlanner::Options options;
  options.max_in_cluster = 1;
  options.max_by_size = 0;
  planner_.emplace(options, servers_.now);
  AddChunk(1, 3, {1, 2});
  AddChunk(2, 3, {3, 4});
  AddChunk(3, 3, {5});
  planner_->ClientWaits(ChunkId(2));
  std::vector<ChunkId> order;
  for (int i = 0; i < 4; ++i) {
    const auto plan = Next();
    ASSERT_THAT(plan.copies, SizeIs(1));
    order.push_back(plan.copies[0].chunk);
    Finish(plan.copies[0]);
  }
  EXPECT_EQ(order[0], ChunkId(3));
  EXPECT_EQ(order[1], ChunkId(2)) << "a client waits for it";
}

TEST_F(RepairPlannerTest, AChunkThatCannotBeRepairedBacksOffAlone) {
  servers_.AddMany(3);
  AddChunk(1, 3, {});         // nobody has it
  AddChunk(2, 5, {1, 2, 3});  // no server is left
  AddChunk(3, 3, {1, 2});
  const auto plan = Next();
  ASSERT_THAT(plan.copies, SizeIs(1));
  EXPECT_EQ(plan.copies[0].chunk, ChunkId(3));
  EXPECT_EQ(planner_->missing(), 1u);
  EXPECT_THAT(planner_->rows().at(ChunkId(1)).reason, HasSubstr("no good copy"));
  EXPECT_THAT(planner_->rows().at(ChunkId(2)).reason, HasSubstr("has a replica already"));
  EXPECT_GT(planner_->NextDeadline(), servers_.now);
  servers_.Add({.id = 4});
  planner_->RoomCame();
  EXPECT_THAT(Next().copies, Not(IsEmpty())) << "a new server helps at once";
}

TEST_F(RepairPlannerTest, WhatWasPutOffForWantOfACopyGoesOnWhenOneComesBack) {
  servers_.AddMany(3);
  AddChunk(1, 2, {});
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Next().copies, IsEmpty());
    servers_.now = planner_->NextDeadline();
    for (uint32_t id = 1; id <= 3; ++id) servers_.Heartbeat(id);
  }
  EXPECT_THAT(Next().copies, IsEmpty());
  chunks_.SetReplica(ChunkId(1), {ServerId(1), kFinalized, true});
  Update(1);
  EXPECT_THAT(Next().copies, SizeIs(1)) << "at once, not after minutes";
}

// The disk of a server may hang, or refuse to make a replica durable, while the server is well.
TEST_F(RepairPlannerTest, AClientDoesNotWaitForEverForAReplicaThatIsToBecomeGood) {
  servers_.AddMany(3);
  AddChunk(1, 2, {1});
  chunks_.SetReplica(ChunkId(1), {ServerId(2), pb::REPLICA_STATE_OPEN, true});
  Update(1);
  const auto needs = [&](size_t copies) {
    return planner_->ClientNeeds(ChunkId(1), copies,
                                 Assess(*chunks_.Find(ChunkId(1)), servers_.registry));
  };
  EXPECT_THAT(Next().copies, IsEmpty());
  EXPECT_FALSE(needs(1));
  EXPECT_TRUE(needs(2));
  EXPECT_FALSE(needs(2)) << "that is no news";
  const auto plan = Next();
  ASSERT_THAT(plan.copies, SizeIs(1));
  EXPECT_EQ(plan.copies[0].target, ServerId(3));
  EXPECT_THAT(Next().copies, IsEmpty());
  Finish(plan.copies[0]);
  EXPECT_EQ(planner_->under_replicated(), 0u);
  EXPECT_FALSE(needs(2));
}

TEST_F(RepairPlannerTest, AFailedCopyIsTriedAgainElsewhereOrLater) {
  servers_.AddMany(3);
  AddChunk(1, 3, {1, 2});
  const auto plan = Next();
  planner_->Ended(ChunkId(1), plan.copies[0].target, "disk full", servers_.now);
  EXPECT_EQ(planner_->rows().at(ChunkId(1)).reason, "disk full");
  EXPECT_THAT(Next().copies, IsEmpty());
  servers_.now += absl::Seconds(1);
  EXPECT_THAT(Next().copies, SizeIs(1));
  servers_.now += absl::Minutes(11);
  for (uint32_t id = 1; id <= 3; ++id) servers_.Heartbeat(id);
  Next();
  EXPECT_EQ(planner_->rows().at(ChunkId(1)).reason, "took too long");
}

TEST_F(RepairPlannerTest, ACopyOfALargeChunkMayTakeLonger) {
  servers_.AddMany(4);
  AddChunk(1, 3, {1, 2}, uint64_t{4} << 30);
  AddChunk(2, 3, {1, 2});
  ASSERT_THAT(Next().copies, SizeIs(2));
  servers_.now += absl::Minutes(11);
  const auto again = Next();
  EXPECT_EQ(planner_->rows().at(ChunkId(1)).failures, 0);
  EXPECT_EQ(planner_->rows().at(ChunkId(2)).reason, "took too long");
  EXPECT_EQ(planner_->rows().at(ChunkId(1)).targets.size(), 1u);
  servers_.now += absl::Hours(1);
  EXPECT_LE(planner_->NextDeadline(), servers_.now + absl::Minutes(10));
  servers_.now += absl::Minutes(10);
  Next();
  EXPECT_EQ(planner_->rows().at(ChunkId(1)).reason, "took too long");
}

TEST_F(RepairPlannerTest, WaitsForServersThatMayStillVouchForTheirReplicas) {
  servers_.AddMany(3);
  servers_.AddAwaited({.id = 4});
  chunks_.Load(ChunkId(1), pb::CHUNK_STATE_SEALED, 100, 7, 3, {{ServerId(4)}});
  chunks_.SetReplica(ChunkId(1), {ServerId(1), kFinalized, true});
  Update(1);
  EXPECT_THAT(Next().copies, IsEmpty());
  servers_.now += absl::Minutes(10);
  for (uint32_t id = 1; id <= 3; ++id) servers_.Heartbeat(id);
  EXPECT_LE(planner_->NextDeadline(), servers_.now);
  EXPECT_THAT(Next().copies, SizeIs(1)) << "one copy is lacking even if cs4 returns";
}

TEST_F(RepairPlannerTest, WhatOnlyAServerThatNeverCameBackMayHaveIsReplacedInTheEnd) {
  servers_.AddMany(3);
  servers_.AddAwaited({.id = 4});
  chunks_.Load(ChunkId(1), pb::CHUNK_STATE_SEALED, 100, 7, 3, {{ServerId(4)}});
  chunks_.SetReplica(ChunkId(1), {ServerId(1), kFinalized, true});
  chunks_.SetReplica(ChunkId(1), {ServerId(2), kFinalized, true});
  Update(1);
  EXPECT_EQ(planner_->under_replicated(), 0u) << "it may have it";
  servers_.now += absl::Minutes(10);
  for (uint32_t id = 1; id <= 3; ++id) servers_.Heartbeat(id);
  ASSERT_THAT(servers_.registry.TakeDead(servers_.now), ElementsAre(ServerId(4)));
  Update(1);
  EXPECT_THAT(Next().copies, SizeIs(1));
}

TEST_F(RepairPlannerTest, ABadReplicaMakesRoomOnlyWhenThereIsNoOther) {
  servers_.AddMany(3);
  AddChunk(1, 3, {1, 2});
  chunks_.SetReplica(ChunkId(1), {ServerId(3), pb::REPLICA_STATE_CORRUPT, true});
  Update(1);
  const auto plan = Next();
  EXPECT_THAT(plan.copies, IsEmpty());
  EXPECT_THAT(plan.removals, ElementsAre(std::pair(ChunkId(1), ServerId(3))));
  servers_.Add({.id = 4});
  planner_->RoomCame();
  const auto with_room = Next();
  EXPECT_THAT(with_room.copies, SizeIs(1));
  EXPECT_THAT(with_room.removals, IsEmpty());
}

TEST_F(RepairPlannerTest, ChunksOfABusySourceHoldUpNobody) {
  servers_.AddMany(40);
  RepairPlanner::Options options;
  options.max_scan = 20;
  planner_.emplace(options, servers_.now);
  for (uint64_t id = 1; id <= 30; ++id) AddChunk(id, 2, {1});
  for (uint64_t id = 31; id <= 60; ++id) AddChunk(id, 2, {static_cast<uint32_t>(id % 20 + 2)});
  std::vector<RepairPlanner::Copy> copies;
  for (int round = 0; round < 4; ++round) {
    for (const auto& copy : Next().copies) copies.push_back(copy);
  }
  EXPECT_THAT(copies, SizeIs(4 + 30)) << "four from server 1, and all others";
  // They wait for server 1 alone, and go on when it has time.
  EXPECT_THAT(Next().copies, IsEmpty());
  Finish(copies.front());
  EXPECT_THAT(Next().copies, SizeIs(1));
}

TEST_F(RepairPlannerTest, ALargerClusterMakesMoreCopiesAtOnce) {
  RepairPlanner::Options options;
  options.max_in_cluster = 10;
  planner_.emplace(options, servers_.now);
  servers_.AddMany(30);
  for (uint64_t id = 1; id <= 200; ++id) AddChunk(id, 2, {static_cast<uint32_t>(id % 30 + 1)});
  size_t copies = 0;
  for (int round = 0; round < 10; ++round) copies += Next().copies.size();
  EXPECT_EQ(copies, 60u) << "two for each server";
}

TEST_F(RepairPlannerTest, ChunksWithoutRoomAreTriedAgainWhenThereIsSome) {
  servers_.AddMany(3);
  for (uint64_t id = 1; id <= 500; ++id) AddChunk(id, 4, {1, 2, 3});
  for (int round = 0; round < 2; ++round) Next();
  EXPECT_THAT(Next().copies, IsEmpty());
  servers_.Add({.id = 4});
  EXPECT_THAT(Next().copies, IsEmpty()) << "nobody has said so";
  planner_->RoomCame();
  size_t copies = 0;
  for (auto plan = Next(); !plan.copies.empty(); plan = Next()) {
    copies += plan.copies.size();
    for (const auto& copy : plan.copies) Finish(copy);
  }
  EXPECT_EQ(copies, 500u);
}

// Servers die and return for a while; when it is quiet, every chunk that still had a copy has as
// many as it wants, without any cap having been broken on the way.
TEST_F(RepairPlannerTest, EverythingThatCanBeRepairedIs) {
  constexpr uint32_t kServers = 9;
  servers_.AddMany(kServers, 3);
  std::set<uint32_t> dead;
  std::vector<RepairPlanner::Copy> under_way;
  for (uint64_t id = 1; id <= 150; ++id) {
    const auto first = static_cast<uint32_t>(Below(kServers));
    AddChunk(id, 3, {1 + first, 1 + (first + 1) % kServers, 1 + (first + 4) % kServers});
  }
  const auto update_all = [&] {
    for (uint64_t id = 1; id <= 150; ++id) Update(id);
    planner_->RoomCame();
  };
  for (int step = 0; step < 400; ++step) {
    if (step < 250 && OneIn(25) && dead.size() < 3) {
      const auto victim = static_cast<uint32_t>(1 + Below(kServers));
      if (dead.insert(victim).second) servers_.Kill(victim);
      update_all();
    } else if (OneIn(15) && !dead.empty()) {
      // It returns with an empty disk: what was there is lost.
      const uint32_t returning = *dead.begin();
      dead.erase(returning);
      for (uint64_t id = 1; id <= 150; ++id) {
        chunks_.RemoveReplica(ChunkId(id), ServerId(returning));
      }
      servers_.Add({.id = returning, .rack = "/r" + std::to_string(returning % 3)});
      update_all();
    }
    for (const auto& copy : Next().copies) under_way.push_back(copy);
    std::shuffle(under_way.begin(), under_way.end(), random_);
    for (size_t n = Below(5); n > 0 && !under_way.empty(); --n) {
      const RepairPlanner::Copy copy = under_way.back();
      under_way.pop_back();
      if (dead.contains(copy.target.value()) || OneIn(10)) {
        planner_->Ended(copy.chunk, copy.target, "failed", servers_.now);
        Update(copy.chunk.value());
      } else {
        Finish(copy);
      }
    }
    servers_.now += absl::Seconds(1);
    for (uint32_t id = 1; id <= kServers; ++id) {
      if (!dead.contains(id)) servers_.Heartbeat(id);
    }
    ASSERT_OK(planner_->Validate());
    ASSERT_OK(chunks_.Validate());
  }
  update_all();
  for (int round = 0; round < 500 && planner_->under_replicated() > planner_->missing(); ++round) {
    for (const auto& copy : Next().copies) under_way.push_back(copy);
    while (!under_way.empty()) {
      Finish(under_way.back());
      under_way.pop_back();
    }
  }
  for (uint64_t id = 1; id <= 150; ++id) {
    if (Good(id) > 0) {
      EXPECT_GE(Good(id), 3u) << "chunk " << id;
    }
  }
  EXPECT_EQ(planner_->in_flight(), 0u);
}

}  // namespace
}  // namespace quern::master
