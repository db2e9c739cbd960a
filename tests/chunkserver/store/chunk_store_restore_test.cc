// What a store makes of replicas that cannot be read when their disk is opened, and of two of one
// chunk.
#include <cerrno>

#include "tests/chunkserver/store/chunk_store_fixture.h"

namespace quern::chunkserver {
namespace {

class ChunkStoreRestoreTest : public ChunkStoreFixture {};

TEST_P(ChunkStoreRestoreTest, ABadSectorUnderOneReplicaAtTheStartCostsNoOther) {
  using enum FaultyFileSystem::Operation;
  const std::string text = RandomText(100'000);
  for (const uint64_t id : {1, 2}) {
    ASSERT_OK(store_->Create(Spec(ChunkId(id))));
    ASSERT_OK(Append(ChunkId(id), text));
  }
  const std::string path = DataPath(ChunkId(1));
  machine_.faults().Fail(kRead, path, EIO);
  Open();
  for (const DiskStatus& disk : store_->Disks()) EXPECT_OK(disk.health);
  EXPECT_THAT(store_->Find(ChunkId(1)), StatusIs(absl::StatusCode::kUnavailable))
      << "not lost, and not cut";
  EXPECT_EQ(ReadAll(ChunkId(2)).value(), text);
  store_->ReopenDisks();
  EXPECT_THAT(store_->Find(ChunkId(1)), StatusIs(absl::StatusCode::kUnavailable)) << "still";
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFenced), 1u);
  machine_.faults().Fail(kRead, path, 0);
  clock_.AdvanceTime(absl::Minutes(1));
  store_->ReopenDisks();
  EXPECT_EQ(ReadAll(ChunkId(1)).value(), text) << "without a restart";
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFenced), 2u) << "and the master hears of it";
  PowerCut();
  EXPECT_EQ(ReadAll(ChunkId(1)).value(), text);
  EXPECT_FALSE(Find(ChunkId(1))->facts().suspect) << "its latch was durable";
}

TEST_P(ChunkStoreRestoreTest, ACopyTakesThePlaceOfWhatCouldNotBeReadAtTheStart) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  const std::string old = RandomText(100'000);
  const std::string text = RandomText(50'000);
  ASSERT_OK(store_->Create(Spec(chunk)));
  ASSERT_OK(Append(chunk, old));
  const std::string path = DataPath(chunk);
  const size_t disk = store_->DiskOf(chunk).value();
  for (const size_t to : {1 - disk, disk}) {
    machine_.faults().Fail(kRead, path, EIO);
    Open();
    ASSERT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable));
    CopyIn(chunk, text, {}, to);
    machine_.faults().Fail(kRead, path, 0);
    store_->ReopenDisks();
    RemoveReplaced();
    EXPECT_EQ(store_->DiskOf(chunk).value(), to);
    EXPECT_EQ(machine_.fs()->Exists(path), to == disk) << "the worse of two goes";
    EXPECT_EQ(Used(), text.size());
    EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
    EXPECT_EQ(store_->inventory().Count(ReplicaState::kFenced), 0u);
    EXPECT_EQ(ReadServed(chunk).value(), text);
    Open();
    EXPECT_EQ(ReadServed(chunk).value(), text);
    ASSERT_OK(store_->Remove(chunk));
    ASSERT_OK(store_->Create(Spec(chunk), disk));
    ASSERT_OK(Append(chunk, old));
  }
}

// Two worse replicas come back with their disk, and while the first is being removed the second is
// replaced by a copy.
TEST_P(ChunkStoreRestoreTest, ACopyIsNotRemovedWithTheReplicaThatItReplaced) {
  const std::string away = machine_.dir(1);
  const ChunkId first(5);
  const ChunkId second(6);
  for (const ChunkId chunk : {first, second}) {
    ASSERT_OK(store_->Create(Spec(chunk), 1));
    ASSERT_OK(Append(chunk, "abc"));
    ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
  }
  const std::string being_removed = DataPath(first);
  Find(second)->Condemn("for the test").IgnoreError();
  Unmount(away);
  for (const ChunkId chunk : {first, second}) CopyIn(chunk, "abc");
  Find(second)->Condemn("for the test").IgnoreError();
  Mount(away);
  bool copied = false;
  machine_.faults().OnRemove([&](const std::string& path) {
    if (copied || path != being_removed) return;
    copied = true;
    CopyIn(second, "abc", {}, 1);
  });
  store_->ReopenDisks();
  RemoveReplaced();
  machine_.faults().OnRemove(nullptr);
  ASSERT_TRUE(copied);
  EXPECT_EQ(store_->DiskOf(second).value(), 1u);
  EXPECT_EQ(ReadServed(second).value(), "abc");
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 2u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
  Open();
  RemoveReplaced();
  EXPECT_EQ(store_->DiskOf(second).value(), 1u);
  EXPECT_EQ(ReadServed(second).value(), "abc");
  EXPECT_EQ(Used(), 6u);
}

TEST_P(ChunkStoreRestoreTest, TwoOfOneChunkThatCouldNotBeReadAreBothTriedAgain) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  const std::string text = RandomText(50'000);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, RandomText(100'000)));
  const std::string unsealed = DataPath(chunk);
  machine_.faults().Fail(kRead, unsealed, EIO);
  Open();
  CopyIn(chunk, text, {}, 1);
  const std::string sealed = DataPath(chunk);
  machine_.faults().Fail(kOpen, sealed, EIO);
  Open();
  ASSERT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable));
  machine_.faults().Fail(kOpen, sealed, 0);
  store_->ReopenDisks();
  EXPECT_EQ(ReadServed(chunk).value(), text);
  machine_.faults().Fail(kRead, unsealed, 0);
  clock_.AdvanceTime(absl::Minutes(1));
  store_->ReopenDisks();
  RemoveReplaced();
  EXPECT_FALSE(machine_.fs()->Exists(unsealed));
  EXPECT_EQ(Used(), text.size());
}

TEST_P(ChunkStoreRestoreTest, WhatIsSealedDoesNotGoForWhatIsNot) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  const std::string text = RandomText(50'000);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, RandomText(100'000)));
  const std::string unsealed = DataPath(chunk);
  machine_.faults().Fail(kRead, unsealed, EIO);
  Open();
  CopyIn(chunk, text, {}, 1);
  const std::string sealed = DataPath(chunk);
  EXPECT_THAT(Find(chunk)->Condemn("for the test"), StatusIs(absl::StatusCode::kDataLoss));
  machine_.faults().Fail(kRead, unsealed, 0);
  for (int i = 0; i < 2; ++i) {
    store_->ReopenDisks();
    store_->RemoveReplaced(1);
    EXPECT_EQ(store_->DiskOf(chunk).value(), 1u);
    EXPECT_EQ(store_->inventory().Count(ReplicaState::kFenced), 0u) << "one of them is told";
    EXPECT_TRUE(machine_.fs()->Exists(unsealed));
  }
  ASSERT_OK_AND_ASSIGN(const Verification good, store_->Verify(chunk));
  EXPECT_EQ(good.report.state, ReplicaState::kFinalized);
  EXPECT_EQ(ReadServed(chunk).value(), text);
  store_->ReopenDisks();
  RemoveReplaced();
  EXPECT_FALSE(machine_.fs()->Exists(unsealed)) << "now it is known which one is worth more";
  EXPECT_EQ(Used(), text.size());
}

// The master is told of the damaged one, so no order of its will ever seal the other.
TEST_P(ChunkStoreRestoreTest, WhatHasAllThatWasSealedTakesThePlaceOfADamagedOne) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  const std::string text = RandomText(50'000);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, text));
  ASSERT_OK(Append(chunk, "what was not sealed"));
  const std::string unsealed = DataPath(chunk);
  machine_.faults().Fail(kRead, unsealed, EIO);
  Open();
  CopyIn(chunk, text, {}, 1);
  EXPECT_THAT(Find(chunk)->Condemn("for the test"), StatusIs(absl::StatusCode::kDataLoss));
  machine_.faults().Fail(kRead, unsealed, 0);
  store_->ReopenDisks();  // set aside
  store_->ReopenDisks();
  EXPECT_EQ(store_->DiskOf(chunk).value(), 0u);
  EXPECT_EQ(ReadServed(chunk).value(), text);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
  RemoveReplaced();
  EXPECT_EQ(Used(), text.size());
  Open();
  EXPECT_EQ(ReadServed(chunk).value(), text);
}

// The removal comes much later than the decision: nobody is sure of anything meanwhile.
TEST_P(ChunkStoreRestoreTest, WhatWasReplacedComesBackWhenTheOtherIsLost) {
  using enum FaultyFileSystem::Operation;
  for (const bool disk_fails : {false, true}) {
    SCOPED_TRACE(disk_fails);
    const ChunkId chunk(disk_fails ? 2 : 1);
    ASSERT_OK(store_->Create(Spec(chunk), 0));
    ASSERT_OK(Append(chunk, "abc"));
    ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
    CopyIn(chunk, "abc", {}, 1);
    EXPECT_EQ(store_->DiskOf(chunk).value(), 1u);
    if (disk_fails) {
      machine_.faults().Fail(kWrite, machine_.dir(1) + "/data/", EIO);
      ASSERT_OK(store_->Create(Spec(ChunkId(9)), 1));
      EXPECT_FALSE(Append(ChunkId(9), "abc").ok());
      ASSERT_FALSE(store_->Disks()[1].health.ok());
    } else {
      Find(chunk)->Condemn("for the test").IgnoreError();
    }
    RemoveReplaced();
    EXPECT_EQ(store_->DiskOf(chunk).value(), 0u);
    EXPECT_EQ(ReadServed(chunk).value(), "abc");
    EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
    EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
    RemoveReplaced();
    EXPECT_EQ(ReadServed(chunk).value(), "abc");
    if (disk_fails) continue;
    ASSERT_OK(store_->Remove(chunk));
  }
}

TEST_P(ChunkStoreRestoreTest, WhatWasReplacedGoesWithAChunkThatIsDeleted) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string replaced = DataPath(chunk);
  const size_t disk = store_->DiskOf(chunk).value();
  CopyIn(chunk, "abc", {}, 1 - disk);
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_TRUE(machine_.fs()->Exists(replaced));
  RemoveReplaced();
  EXPECT_FALSE(machine_.fs()->Exists(replaced));
  EXPECT_EQ(Used(), 0u);
}

// A disk that comes back with thousands of second replicas serves what it alone has at once.
TEST_P(ChunkStoreRestoreTest, ADiskThatReturnsRemovesNothingBeforeItServes) {
  const std::string away = machine_.dir(0);
  for (uint64_t id = 1; id <= 150; ++id) {
    ASSERT_OK(store_->Create(Spec(ChunkId(id)), 0));
    ASSERT_OK(Append(ChunkId(id), "abc"));
    ASSERT_OK(Find(ChunkId(id))->Finalize(3, Crc32c("abc")));
  }
  Unmount(away);
  for (uint64_t id = 1; id < 150; ++id) CopyIn(ChunkId(id), "abc");
  Mount(away);
  int removed = 0;
  machine_.faults().OnRemove([&](const std::string& path) {
    removed += path.find("/data/") != std::string::npos ? 1 : 0;
  });
  store_->ReopenDisks();
  EXPECT_EQ(removed, 0);
  EXPECT_EQ(ReadServed(ChunkId(150)).value(), "abc");
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 150u);
  const std::optional<ChunkId> more = store_->RemoveReplaced(0);
  EXPECT_LT(removed, 149) << "some at a time";
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(store_->RemoveReplaced(0, *more), std::nullopt);
  machine_.faults().OnRemove(nullptr);
  EXPECT_EQ(Used(), 150u * 3);
}

// Each try may hang the disk for a minute.
TEST_P(ChunkStoreRestoreTest, WhatCannotBeReadIsTriedLessAndLessOften) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, RandomText(100'000)));
  const std::string path = DataPath(chunk);
  machine_.faults().Fail(kRead, path, EIO);
  Open();
  for (int i = 0; i < 6; ++i) {
    store_->ReopenDisks();
    clock_.AdvanceTime(absl::Seconds(10));
  }
  machine_.faults().Fail(kRead, path, 0);
  store_->ReopenDisks();
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable)) << "not yet";
  clock_.AdvanceTime(absl::Hours(1));
  store_->ReopenDisks();
  EXPECT_OK(store_->Find(chunk));
}

TEST_P(ChunkStoreRestoreTest, WhatWasReplacedIsSealedWhenItHasAllOfADamagedOne) {
  const ChunkId chunk(1);
  const std::string text = RandomText(50'000);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, text));
  ASSERT_OK(Find(chunk)->Fence(7));
  CopyIn(chunk, text, {}, 1);
  Find(chunk)->Condemn("for the test").IgnoreError();
  RemoveReplaced();
  EXPECT_EQ(store_->DiskOf(chunk).value(), 0u);
  EXPECT_EQ(ReadServed(chunk).value(), text);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
}

// A session withholds what is about to be removed, and tells it again when that failed.
TEST_P(ChunkStoreRestoreTest, WhatWasReplacedIsNotToldAgain) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::shared_ptr<Replica> replaced = Find(chunk);
  const size_t disk = store_->DiskOf(chunk).value();
  replaced->Withhold();
  replaced->Condemn("for the test").IgnoreError();
  CopyIn(chunk, "abc", {}, 1 - disk);
  replaced->Tell();
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
}

// Whichever disk is loaded first.
TEST_P(ChunkStoreRestoreTest, ARestartWithASealedAndAnUnsealedReplicaLosesNeither) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, RandomText(100'000)));
  const std::string unsealed = DataPath(chunk);
  machine_.faults().Fail(kRead, unsealed, EIO);
  Open();
  CopyIn(chunk, "abc", {}, 1);
  const std::string sealed = DataPath(chunk);
  Find(chunk)->Condemn("for the test").IgnoreError();
  machine_.faults().Fail(kRead, unsealed, 0);
  Open();
  for (const size_t disk : {0u, 1u}) store_->RemoveReplaced(disk);
  EXPECT_TRUE(machine_.fs()->Exists(sealed));
  EXPECT_TRUE(machine_.fs()->Exists(unsealed));
  const size_t first = store_->DiskOf(chunk).value();
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable)) << "not lost";
  store_->ReopenDisks();
  EXPECT_EQ(store_->DiskOf(chunk).value(), 1 - first);
  ASSERT_OK(store_->Remove(chunk));
  store_->ReopenDisks();
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kNotFound));
}

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreRestoreTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
