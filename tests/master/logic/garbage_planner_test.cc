#include "master/logic/garbage_planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/master/logic/test_servers.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::master {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = GarbagePlanner::Outcome;
using Removal = GarbagePlanner::Removal;

class GarbagePlannerTest : public RandomTest {
 protected:
  ChunkInfo AddChunk(uint64_t id, uint32_t wanted, const std::vector<uint32_t>& holders) {
    chunks_.Load(ChunkId(id), pb::CHUNK_STATE_SEALED, 100, 7, wanted, {});
    for (const uint32_t server : holders) {
      chunks_.SetReplica(ChunkId(id), {ServerId(server), kFinalized, true});
    }
    return *chunks_.Find(ChunkId(id));
  }
  std::vector<Removal> Next() {
    std::vector<Removal> removals = planner_.Next(chunks_, servers_.registry, servers_.now);
    EXPECT_OK(planner_.Validate());
    return removals;
  }
  std::optional<ServerId> Surplus(const ChunkInfo& chunk) {
    return planner_.Surplus(chunk, servers_.registry, servers_.now);
  }

  TestServers servers_;
  ChunkTable chunks_;
  GarbagePlanner planner_{GarbagePlanner::Options{}};
};

TEST_F(GarbagePlannerTest, DeletedChunksGoFromEveryServerAndAreThenForgotten) {
  servers_.AddMany(3);
  planner_.AddGarbage(ChunkId(1), std::vector{ServerId(1), ServerId(2)});
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), IsEmpty());
  const auto removals = Next();
  EXPECT_THAT(removals, SizeIs(2));
  EXPECT_THAT(Next(), IsEmpty()) << "they are under way";
  planner_.Ended(removals[0], Outcome::kRemoved, servers_.now);
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), IsEmpty());
  planner_.Ended(removals[1], Outcome::kRemoved, servers_.now);
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), ElementsAre(ChunkId(1)));
  EXPECT_FALSE(planner_.IsGarbage(ChunkId(1)));
}

TEST_F(GarbagePlannerTest, OrdersNothingFromServersThatHaveNotConfirmedTheirInventory) {
  servers_.AddAwaited({.id = 1});
  planner_.AddGarbage(ChunkId(1), std::vector{ServerId(1)});
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), IsEmpty());
  servers_.registry.Admit(ServerId(1), {}, servers_.now);
  EXPECT_THAT(Next(), IsEmpty());
  servers_.registry.Confirm(ServerId(1));
  planner_.ServerReady(ServerId(1));
  EXPECT_THAT(Next(), ElementsAre(Removal{ChunkId(1), ServerId(1)}));
}

TEST_F(GarbagePlannerTest, DeadServersDoNotKeepGarbageForEver) {
  servers_.AddMany(2);
  planner_.AddGarbage(ChunkId(1), std::vector{ServerId(1)});
  servers_.Kill(1);
  planner_.ServerDied(ServerId(1));
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), ElementsAre(ChunkId(1)));
}

TEST_F(GarbagePlannerTest, NobodyWaitsForMoreThanASliceOfADeadServersGarbage) {
  GarbagePlanner planner({.slice = 10});
  servers_.AddMany(2);
  const auto count_finished = [&] {
    size_t finished = 0;
    do {
      const size_t some = planner.TakeFinished(servers_.registry).size();
      EXPECT_LE(some, 10u);
      finished += some;
    } while (planner.has_more_finished());
    return finished;
  };
  for (uint64_t id = 1; id <= 100; ++id) planner.AddGarbage(ChunkId(id), std::vector{ServerId(1)});
  EXPECT_EQ(count_finished(), 0u);
  servers_.Kill(1);
  planner.ServerDied(ServerId(1));
  EXPECT_EQ(count_finished(), 100u);
  EXPECT_EQ(planner.garbage_chunks(), 0u);
  EXPECT_EQ(planner.removals(), 0u);
}

TEST_F(GarbagePlannerTest, NobodyWaitsForMoreThanASliceOfOrders) {
  GarbagePlanner planner({.slice = 10});
  servers_.AddMany(5);
  for (uint64_t id = 1; id <= 100; ++id) {
    planner.AddGarbage(ChunkId(id), std::vector{ServerId(static_cast<uint32_t>(id % 5) + 1)});
  }
  std::set<Removal> removals;
  do {
    const auto some = planner.Next(chunks_, servers_.registry, servers_.now);
    EXPECT_LE(some.size(), 10u);
    removals.insert(some.begin(), some.end());
  } while (planner.NextDeadline() <= servers_.now);
  EXPECT_THAT(removals, SizeIs(100));
}

// Its session broke while some were under way or had failed.
TEST_F(GarbagePlannerTest, WhatADeadServerWasAskedForIsFinishedToo) {
  servers_.AddMany(1);
  for (uint64_t id = 1; id <= 2; ++id) {
    planner_.AddGarbage(ChunkId(id), std::vector{ServerId(1)});
  }
  ASSERT_THAT(Next(), SizeIs(2));
  planner_.Ended({ChunkId(1), ServerId(1)}, Outcome::kRefused, servers_.now);
  servers_.Kill(1);
  const absl::Time died = servers_.now;
  planner_.ServerDied(ServerId(1));
  planner_.Ended({ChunkId(2), ServerId(1)}, Outcome::kUnknown, servers_.now);
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), Contains(ChunkId(2)));
  servers_.now = planner_.NextDeadline();
  EXPECT_THAT(Next(), IsEmpty());
  planner_.TakeFinished(servers_.registry);
  EXPECT_EQ(planner_.garbage_chunks(), 0u);
  servers_.now = died + absl::Hours(1);  // no pause is so long
  EXPECT_THAT(Next(), IsEmpty());
  planner_.TakeFinished(servers_.registry);
  EXPECT_EQ(planner_.removals(), 0u) << "nobody would ever take them up";
}

TEST_F(GarbagePlannerTest, WhatIsNoGarbageIsNotRemovedFromADeadServer) {
  servers_.AddMany(2);
  for (uint64_t id = 1; id <= 200; ++id) {
    AddChunk(id, 1, {1, 2});
    planner_.Remove(ChunkId(id), ServerId(1));
  }
  EXPECT_EQ(planner_.removals(), 200u);
  servers_.Kill(1);
  planner_.ServerDied(ServerId(1));
  while (planner_.has_more_finished()) planner_.TakeFinished(servers_.registry);
  EXPECT_EQ(planner_.removals(), 0u);
}

TEST_F(GarbagePlannerTest, AFailedRemovalIsTriedAgain) {
  servers_.AddMany(1);
  planner_.AddGarbage(ChunkId(1), std::vector{ServerId(1)});
  planner_.Ended(Next()[0], Outcome::kRefused, servers_.now);
  EXPECT_THAT(Next(), IsEmpty());
  servers_.now = planner_.NextDeadline();
  servers_.Heartbeat(1);
  EXPECT_THAT(Next(), SizeIs(1));
}

TEST_F(GarbagePlannerTest, ManyRemovalsOfOneServerComeInPortions) {
  servers_.AddMany(1);
  for (uint64_t id = 1; id <= 200; ++id) {
    planner_.AddGarbage(ChunkId(id), std::vector{ServerId(1)});
  }
  EXPECT_THAT(Next(), SizeIs(64));
}

TEST_F(GarbagePlannerTest, SurplusGoesOnlyWhenEnoughOthersAreConfirmed) {
  servers_.AddMany(4);
  EXPECT_EQ(Surplus(AddChunk(1, 3, {1, 2, 3})), std::nullopt);
  EXPECT_TRUE(Surplus(AddChunk(2, 3, {1, 2, 3, 4})).has_value());
  // One of them is only a hint: it might be the one that is missing.
  chunks_.SetReplica(ChunkId(2), {ServerId(4), kFinalized, false});
  EXPECT_EQ(Surplus(*chunks_.Find(ChunkId(2))), std::nullopt);
  // One of the servers is not heard of.
  const ChunkInfo chunk = AddChunk(3, 3, {1, 2, 3, 4});
  servers_.registry.Disconnect(ServerId(1));
  EXPECT_EQ(Surplus(chunk), std::nullopt);
}

TEST_F(GarbagePlannerTest, OfTwoOnOneMachineOneGoesFirst) {
  servers_.Add({.id = 1, .node = "a", .rack = "/x"});
  servers_.Add({.id = 2, .node = "b", .rack = "/y", .free_bytes = 1 << 20});
  servers_.Add({.id = 3, .node = "a", .rack = "/x"});
  EXPECT_THAT(Surplus(AddChunk(1, 2, {1, 2, 3})), ::testing::AnyOf(ServerId(1), ServerId(3)));
}

TEST_F(GarbagePlannerTest, ASurplusIsLookedForAgainWhenAHolderWasSilentForAMoment) {
  servers_.AddMany(4);
  const ChunkInfo chunk = AddChunk(1, 3, {1, 2, 3, 4});
  const absl::Time spoke = servers_.now;
  servers_.now = spoke + absl::Seconds(5);
  for (const uint32_t id : {1, 2, 3}) servers_.Heartbeat(id);
  // While 4 is silent there may be no surplus; that it speaks again is no event.
  planner_.LookForSurplus(chunk, servers_.registry, servers_.now);
  planner_.LookForSurplus(chunk, servers_.registry, servers_.now);
  EXPECT_THAT(Next(), IsEmpty());
  servers_.Heartbeat(4);
  EXPECT_LE(planner_.NextDeadline(), servers_.now + absl::Seconds(10));
  servers_.now = planner_.NextDeadline();
  for (const uint32_t id : {1, 2, 3, 4}) servers_.Heartbeat(id);
  EXPECT_THAT(Next(), SizeIs(1));
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_EQ(planner_.NextDeadline(), absl::InfiniteFuture());
}

TEST_F(GarbagePlannerTest, ASurplusThatIsQueuedAtOneServerMayGoFromAnother) {
  servers_.AddMany(4);
  const ChunkInfo chunk = AddChunk(1, 3, {1, 2, 3, 4});
  const ServerId chosen = *Surplus(chunk);
  const ServerId other(chosen == ServerId(1) ? 2 : 1);
  planner_.Remove(ChunkId(1), other);  // it was the fullest then
  std::vector<Removal> removals = Next();
  if (removals.empty()) {
    EXPECT_EQ(planner_.NextDeadline(), absl::InfinitePast());
    removals = Next();
  }
  EXPECT_THAT(removals, ElementsAre(Removal{ChunkId(1), chosen}));
}

TEST_F(GarbagePlannerTest, ASurplusThatIsNoneAnyMoreStays) {
  servers_.AddMany(4);
  const ChunkInfo chunk = AddChunk(1, 3, {1, 2, 3, 4});
  planner_.Remove(ChunkId(1), *Surplus(chunk));
  const ServerId chosen = *Surplus(chunk);
  servers_.Kill(chosen == ServerId(1) ? 2 : 1);
  EXPECT_THAT(Next(), IsEmpty()) << "another copy was lost in between";
}

// While one of two copies is on its way out, the other is the only one.
class LeavingReplicaTest : public GarbagePlannerTest {
 protected:
  // The removal of one of two copies is ordered, and then the other looks like the better choice.
  void SetUp() override {
    servers_.Add({.id = 1, .free_bytes = 2 << 20});
    servers_.Add({.id = 2, .free_bytes = 3 << 20});
    AddChunk(1, 1, {1, 2});
    Look();
    ASSERT_THAT(Next(), ElementsAre(first_));
    pb::ServerMessage::Heartbeat fuller;
    fuller.add_disks()->set_free_bytes(1 << 20);
    servers_.registry.Heartbeat(ServerId(2), fuller, servers_.now);
  }
  void Look() {
    planner_.LookForSurplus(*chunks_.Find(ChunkId(1)), servers_.registry, servers_.now);
  }
  void GoToNextDeadline() {
    ASSERT_NE(planner_.NextDeadline(), absl::InfiniteFuture());
    servers_.now = std::max(servers_.now, planner_.NextDeadline());
    servers_.Heartbeat(1);
    servers_.Heartbeat(2);
  }

  const Removal first_{ChunkId(1), ServerId(1)};
  const Removal second_{ChunkId(1), ServerId(2)};
};

TEST_F(LeavingReplicaTest, IsNotCountedOnWhileItsRemovalIsUnderWay) {
  Look();
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_FALSE(
      planner_.MayRemove(*chunks_.Find(ChunkId(1)), ServerId(2), servers_.registry, servers_.now));
  // With one more there is a surplus again, beside the one that leaves.
  servers_.Add({.id = 3});
  chunks_.SetReplica(ChunkId(1), {ServerId(3), kFinalized, true});
  Look();
  EXPECT_THAT(Next(), ElementsAre(second_));
  Look();
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(LeavingReplicaTest, DoesNotVouchForABadOne) {
  chunks_.SetReplica(ChunkId(1), {ServerId(2), pb::REPLICA_STATE_CORRUPT, true});
  planner_.Remove(ChunkId(1), ServerId(2));
  EXPECT_THAT(planner_.Replaced(*chunks_.Find(ChunkId(1)), servers_.registry), IsEmpty());
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(LeavingReplicaTest, CountsAgainWhenItsServerHasAnsweredThatItKeepsIt) {
  planner_.Ended(first_, Outcome::kRefused, servers_.now);
  Look();
  EXPECT_THAT(Next(), ElementsAre(second_));
}

TEST_F(LeavingReplicaTest, IsNotCountedOnBeforeAServerThatDidNotAnswerHasConfirmedAnew) {
  planner_.Ended(first_, Outcome::kUnknown, servers_.now);
  Look();
  EXPECT_THAT(Next(), IsEmpty());
  servers_.registry.Admit(ServerId(1), {}, servers_.now);
  servers_.registry.Compared(ServerId(1));
  Look();
  EXPECT_THAT(Next(), IsEmpty()) << "its digests are compared, its listing has not come";
  servers_.registry.Confirm(ServerId(1));
  planner_.ServerReady(ServerId(1));
  // Nobody has to look again for the surplus to go: exactly one of them.
  std::vector<Removal> removals;
  while (planner_.NextDeadline() < absl::InfiniteFuture()) {
    GoToNextDeadline();
    for (const Removal& removal : Next()) removals.push_back(removal);
  }
  EXPECT_THAT(removals, SizeIs(1));
}

TEST_F(LeavingReplicaTest, OfADeadServerDoesNotKeepOthersFromGoing) {
  servers_.registry.Disconnect(ServerId(1));
  planner_.Ended(first_, Outcome::kUnknown, servers_.now);
  servers_.Add({.id = 3});
  chunks_.SetReplica(ChunkId(1), {ServerId(3), kFinalized, true});
  servers_.Kill(1);
  planner_.ServerDied(ServerId(1));
  Look();
  EXPECT_THAT(Next(), SizeIs(1));
  Look();
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(GarbagePlannerTest, BadReplicasGoAfterTheyWereReplaced) {
  servers_.AddMany(4);
  AddChunk(1, 3, {1, 2});
  chunks_.SetReplica(ChunkId(1), {ServerId(4), pb::REPLICA_STATE_STALE, true});
  EXPECT_THAT(planner_.Replaced(*chunks_.Find(ChunkId(1)), servers_.registry), IsEmpty());
  chunks_.SetReplica(ChunkId(1), {ServerId(3), kFinalized, true});
  EXPECT_THAT(planner_.Replaced(*chunks_.Find(ChunkId(1)), servers_.registry),
              ElementsAre(ServerId(4)));
}

// A server that cannot remove it now, because its disk hangs or is full, is not asked again and
// again in between: every failure has the chunk assessed anew, which asks for the removal.
TEST_F(GarbagePlannerTest, AFailedRemovalFromALivingChunkIsTriedAgainAfterAWhile) {
  servers_.AddMany(4);
  AddChunk(1, 3, {1, 2, 3});
  chunks_.SetReplica(ChunkId(1), {ServerId(4), pb::REPLICA_STATE_STALE, true});
  const Removal bad{ChunkId(1), ServerId(4)};
  planner_.Remove(bad.chunk, bad.server);
  ASSERT_THAT(Next(), ElementsAre(bad));
  planner_.Ended(bad, Outcome::kRefused, servers_.now);
  planner_.Remove(bad.chunk, bad.server);
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_EQ(planner_.removals(), 1u);
  servers_.now = planner_.NextDeadline();
  for (const uint32_t id : {1, 2, 3, 4}) servers_.Heartbeat(id);
  EXPECT_THAT(Next(), ElementsAre(bad));
  // Its file is deleted while it waits: it still comes, once.
  planner_.Ended(bad, Outcome::kRefused, servers_.now);
  chunks_.Remove(ChunkId(1));
  planner_.AddGarbage(ChunkId(1), std::vector{ServerId(4)});
  EXPECT_THAT(Next(), IsEmpty());
  EXPECT_EQ(planner_.NextDeadline(), servers_.now + absl::Seconds(20)) << "twice as long";
  servers_.now = planner_.NextDeadline();
  servers_.Heartbeat(4);
  EXPECT_THAT(Next(), ElementsAre(bad));
  planner_.Ended(bad, Outcome::kRemoved, servers_.now);
  EXPECT_THAT(planner_.TakeFinished(servers_.registry), ElementsAre(ChunkId(1)));
  EXPECT_EQ(planner_.removals(), 0u);
}

TEST_F(GarbagePlannerTest, TheLastGoodReplicaIsNeverRemoved) {
  servers_.AddMany(2);
  const ChunkInfo chunk = AddChunk(1, 1, {1});
  EXPECT_FALSE(planner_.MayRemove(chunk, ServerId(1), servers_.registry, servers_.now));
  chunks_.SetReplica(ChunkId(1), {ServerId(1), pb::REPLICA_STATE_CORRUPT, true});
  EXPECT_FALSE(
      planner_.MayRemove(*chunks_.Find(ChunkId(1)), ServerId(1), servers_.registry, servers_.now))
      << "not even a corrupt one while there is nothing better";
}

}  // namespace
}  // namespace quern::master
