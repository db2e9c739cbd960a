#include "chunkserver/store/inventory.h"

#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

ReplicaReport Report(uint64_t chunk, ReplicaState state = ReplicaState::kFinalized) {
  ReplicaReport report;
  report.chunk = ChunkId(chunk);
  report.state = state;
  return report;
}

std::vector<uint64_t> Chunks(const std::vector<ReplicaReport>& reports) {
  std::vector<uint64_t> chunks;
  for (const ReplicaReport& report : reports) chunks.push_back(report.chunk.value());
  return chunks;
}

TEST(Inventory, ChangesOfASessionAreTakenInTheirOrder) {
  Inventory inventory;
  inventory.Changed({}, Report(1));  // in the digests
  int wakes = 0;
  inventory.StartSession([&] { ++wakes; });
  for (uint64_t chunk = 2; chunk <= 5; ++chunk) inventory.Changed({}, Report(chunk));
  inventory.Remind(Report(1));
  EXPECT_EQ(wakes, 5);
  ASSERT_OK_AND_ASSIGN(const auto first, inventory.TakeChanges(3));
  EXPECT_THAT(Chunks(first), testing::ElementsAre(2, 3, 4));
  ASSERT_OK_AND_ASSIGN(const auto rest, inventory.TakeChanges(3));
  EXPECT_THAT(Chunks(rest), testing::ElementsAre(5, 1));
}

TEST(Inventory, DigestsAreGivenOnceAllIsTold) {
  Inventory inventory;
  inventory.StartSession([] {});
  EXPECT_EQ(inventory.DigestsWhenTold(), InventoryDigests{});
  inventory.Changed({}, Report(1, ReplicaState::kOpen));
  inventory.Changed({}, Report(2));
  EXPECT_EQ(inventory.DigestsWhenTold(), std::nullopt);
  ASSERT_OK(inventory.TakeChanges(1));
  EXPECT_EQ(inventory.DigestsWhenTold(), std::nullopt);
  ASSERT_OK(inventory.TakeChanges(1));
  ASSERT_TRUE(inventory.DigestsWhenTold().has_value());
  inventory.Dropped(Report(1, ReplicaState::kOpen));
  inventory.Dropped(Report(2));
  EXPECT_EQ(inventory.DigestsWhenTold(), InventoryDigests{}) << "nobody holds them any more";
  EXPECT_EQ(inventory.Count(ReplicaState::kFinalized), 0u);
}

TEST(Inventory, WhatWasMadeOrLatchedWaitsForTheHeartbeatOrForPressingNews) {
  Inventory inventory;
  int wakes = 0;
  inventory.StartSession([&] { ++wakes; });
  inventory.Changed({}, Report(1, ReplicaState::kOpen));
  inventory.Changed(Report(1, ReplicaState::kOpen), Report(1, ReplicaState::kFenced));
  EXPECT_EQ(wakes, 0);
  EXPECT_FALSE(inventory.pressing());
  inventory.Changed({}, Report(2));
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(inventory.pressing());
  ASSERT_OK_AND_ASSIGN(const auto first, inventory.TakeChanges(2));
  EXPECT_THAT(first, testing::ElementsAre(Report(1, ReplicaState::kFenced))) << "the last of both";
  EXPECT_TRUE(inventory.pressing());
  ASSERT_OK_AND_ASSIGN(const auto rest, inventory.TakeChanges(2));
  EXPECT_THAT(Chunks(rest), testing::ElementsAre(2));
  EXPECT_FALSE(inventory.pressing());
}

TEST(Inventory, OfEachReplicaTheLastChangeIsToldAndEveryRemoval) {
  Inventory inventory;
  inventory.StartSession([] {});
  const auto change = [&](uint64_t chunk, ReplicaState state) {
    inventory.Changed({}, Report(chunk, state));
  };
  change(1, ReplicaState::kOpen);
  change(2, ReplicaState::kOpen);
  change(1, ReplicaState::kFenced);
  change(1, ReplicaState::kFinalized);
  change(3, ReplicaState::kRemoved);
  change(3, ReplicaState::kFinalized);
  change(2, ReplicaState::kRemoved);
  ASSERT_OK_AND_ASSIGN(const auto taken, inventory.TakeChanges(100));
  EXPECT_THAT(taken, testing::ElementsAre(
                         Report(1, ReplicaState::kFinalized), Report(3, ReplicaState::kRemoved),
                         Report(3, ReplicaState::kFinalized), Report(2, ReplicaState::kRemoved)));
}

TEST(Inventory, TooManyThatMayWaitArePressing) {
  Inventory inventory(/*max_changes=*/3);
  int wakes = 0;
  inventory.StartSession([&] { ++wakes; });
  for (uint64_t chunk = 1; chunk <= 4; ++chunk) {
    inventory.Changed({}, Report(chunk, ReplicaState::kOpen));
  }
  EXPECT_EQ(wakes, 1);
  EXPECT_TRUE(inventory.pressing());
  EXPECT_THAT(inventory.TakeChanges(10), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(Inventory, TooManyChangesEndTheSessionAndTheDigestsOfTheNextSayThemAll) {
  Inventory inventory(/*max_changes=*/3);
  int wakes = 0;
  inventory.StartSession([&] { ++wakes; });
  for (uint64_t chunk = 1; chunk <= 3; ++chunk) inventory.Changed({}, Report(chunk));
  EXPECT_OK(inventory.TakeChanges(0));
  inventory.Changed({}, Report(4));
  EXPECT_EQ(wakes, 4) << "somebody has to look";
  for (uint64_t chunk = 5; chunk <= 9; ++chunk) inventory.Changed({}, Report(chunk));
  EXPECT_THAT(inventory.TakeChanges(10), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(inventory.TakeChanges(10), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(wakes, 4) << "and no more than that";

  inventory.EndSession();
  Inventory same;
  for (uint64_t chunk = 1; chunk <= 9; ++chunk) same.Changed({}, Report(chunk));
  EXPECT_EQ(inventory.StartSession([] {}), same.StartSession([] {}));
  inventory.Changed(Report(9), Report(9, ReplicaState::kRemoved));
  ASSERT_OK_AND_ASSIGN(const auto changes, inventory.TakeChanges(10));
  EXPECT_THAT(Chunks(changes), testing::ElementsAre(9));
}

}  // namespace
}  // namespace quern::chunkserver
