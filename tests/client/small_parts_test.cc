// The small pure parts of the client: request ids, suspects, pieces, the choice of a replica.
#include <gtest/gtest.h>

#include "client/master/request_ids.h"
#include "client/piece.h"
#include "client/read/replica_choice.h"
#include "client/suspects.h"

namespace quern::client {
namespace {

TEST(RequestIds, LowestOutstandingIsTheOldestOneNotAnswered) {
  RequestIds ids(7);
  EXPECT_EQ(ids.LowestOutstanding(), 1u);
  const uint64_t first = ids.Begin();
  const uint64_t second = ids.Begin();
  EXPECT_EQ(ids.LowestOutstanding(), first);
  ids.End(second);
  EXPECT_EQ(ids.LowestOutstanding(), first);
  ids.End(first);
  EXPECT_EQ(ids.LowestOutstanding(), second + 1);
}

TEST(Suspects, AreForgottenAfterAWhile) {
  SimulatedClock clock;
  Suspects suspects(&clock, absl::Seconds(30));
  suspects.Add(ServerId(3));
  clock.AdvanceTime(absl::Seconds(29));
  EXPECT_TRUE(suspects.Contains(ServerId(3)));
  EXPECT_EQ(suspects.All(), std::vector<ServerId>{ServerId(3)});
  clock.AdvanceTime(absl::Seconds(2));
  EXPECT_FALSE(suspects.Contains(ServerId(3)));
  EXPECT_TRUE(suspects.All().empty());
}

TEST(Suspects, AReplicaIsNotItsServer) {
  SimulatedClock clock;
  Suspects suspects(&clock, absl::Seconds(30));
  suspects.AddReplica(ServerId(3), ChunkId(7));
  EXPECT_TRUE(suspects.Contains(ServerId(3), ChunkId(7)));
  EXPECT_FALSE(suspects.Contains(ServerId(3), ChunkId(8)));
  EXPECT_FALSE(suspects.Contains(ServerId(2), ChunkId(7)));
  EXPECT_FALSE(suspects.Contains(ServerId(3)));
  EXPECT_TRUE(suspects.All().empty());
  suspects.Add(ServerId(2));
  EXPECT_TRUE(suspects.Contains(ServerId(2), ChunkId(7))) << "all of its replicas";
  clock.AdvanceTime(absl::Seconds(31));
  EXPECT_FALSE(suspects.Contains(ServerId(3), ChunkId(7)));
}

TEST(Suspects, OnlySoManyReplicasAreRemembered) {
  SimulatedClock clock;
  Suspects suspects(&clock, absl::Seconds(30));
  for (uint64_t id = 1; id <= 10'001; ++id) suspects.AddReplica(ServerId(3), ChunkId(id));
  EXPECT_FALSE(suspects.Contains(ServerId(3), ChunkId(1)));
  EXPECT_TRUE(suspects.Contains(ServerId(3), ChunkId(10'001)));
}

TEST(PiecePool, KeepsAFewPiecesAndGivesBackTheRest) {
  const std::shared_ptr<PiecePool> pool = PiecePool::Create();
  std::vector<SharedPiece> pieces;
  for (size_t i = 0; i < PiecePool::kMaxFreePieces + 10; ++i) pieces.push_back(pool->Take());
  EXPECT_EQ(pool->free_pieces(), 0u);
  pieces.clear();
  EXPECT_EQ(pool->free_pieces(), 64u);
  const SharedPiece again = pool->Take();
  EXPECT_EQ(pool->free_pieces(), 63u) << "it is one of them";
}

TEST(ReplicaChoice, TakesTheNearestGoodReplicaAndEachOncePerRound) {
  ChunkInfo chunk;
  for (const uint32_t id : {1, 2, 3}) {
    chunk.replicas.push_back({.id = ServerId(id), .address = {}, .node = {}, .rack = {}});
  }
  const auto suspect = [](ServerId id) { return id == ServerId(1); };
  ReplicaChoice choice;
  std::vector<uint32_t> order;
  while (const auto server = choice.Next(chunk, suspect)) {
    order.push_back(server->id.value());
    choice.Failed(server->id);
  }
  EXPECT_EQ(order, (std::vector<uint32_t>{2, 3, 1}));
  choice.NewRound();
  EXPECT_EQ(choice.Next(chunk, suspect)->id, ServerId(2));
}

}  // namespace
}  // namespace quern::client
