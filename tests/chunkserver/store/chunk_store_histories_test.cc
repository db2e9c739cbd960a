// What a store makes of two replicas of one id that two histories of the cluster have given out:
// the master was started from an old copy while a disk was away.
#include <cerrno>

#include "tests/chunkserver/store/chunk_store_fixture.h"

namespace quern::chunkserver {
namespace {

class ChunkStoreHistoriesTest : public ChunkStoreFixture {
 protected:
  // The older one is longer, and on the first disk; that comes back once the id was given out anew.
  void MakeOld(uint64_t token = 0) {
    old_text_ = RandomText(100'000);
    text_ = RandomText(50'000);
    Make(old_text_, 0, token);
    ASSERT_OK(Find(kId)->Finalize(old_text_.size(), Crc32c(old_text_)));
    old_path_ = DataPath(kId);
    Unmount(machine_.dir(0));
  }
  void MakeNew(uint64_t token = 0) {
    Make(text_, 1, token);
    path_ = DataPath(kId);
  }
  void Seal() { ASSERT_OK(Find(kId)->Finalize(text_.size(), Crc32c(text_))); }
  void Make(std::string_view text, size_t disk, uint64_t token) {
    ReplicaSpec spec = Spec(kId);
    spec.create_token = token;
    ASSERT_OK(store_->Create(spec, disk));
    ASSERT_OK(Append(kId, text));
    ASSERT_EQ(store_->DiskOf(kId).value(), disk);
  }
  void OldDiskReturns() {
    Mount(machine_.dir(0));
    LookAgain();
  }
  void LookAgain() {
    for (int i = 0; i < 2; ++i) {
      store_->ReopenDisks();
      RemoveReplaced();
    }
  }
  uint64_t Count(ReplicaState state) { return store_->inventory().Count(state); }
  bool BothThere() { return machine_.fs()->Exists(old_path_) && machine_.fs()->Exists(path_); }

  static constexpr ChunkId kId{1};
  std::string old_text_;
  std::string text_;
  std::string old_path_;
  std::string path_;
};

TEST_P(ChunkStoreHistoriesTest, OfTwoThatAreSealedDifferentlyNeitherGoesUnjudged) {
  MakeOld();
  MakeNew();
  Seal();
  OldDiskReturns();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u) << "the master is told of one";
  // It does not know the chunk, and might be the wrong one.
  ASSERT_OK(Find(kId)->Quarantine());
  LookAgain();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kQuarantined), 1u);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 0u);
  ASSERT_OK(store_->Remove(kId));
  EXPECT_THAT(store_->Find(kId), StatusIs(absl::StatusCode::kUnavailable)) << "not lost";
  EXPECT_THAT(store_->Create(Spec(kId)), StatusIs(absl::StatusCode::kAlreadyExists));
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), old_text_);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u) << "now of the other";
  EXPECT_EQ(Used(), old_text_.size());
}

TEST_P(ChunkStoreHistoriesTest, ARestartJudgesNeither) {
  MakeOld();
  MakeNew();
  Seal();
  Mount(machine_.dir(0));
  Open();
  LookAgain();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  const size_t first = store_->DiskOf(kId).value();  // whichever was loaded first
  ASSERT_OK(store_->Remove(kId));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1 - first);
  EXPECT_EQ(ReadServed(kId).value(), first == 0 ? text_ : old_text_);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
}

TEST_P(ChunkStoreHistoriesTest, TheOneThatAMasterMeansOutlivesALongerOne) {
  MakeOld();
  MakeNew();
  Seal();
  Find(kId)->Judged();
  OldDiskReturns();
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_FALSE(machine_.fs()->Exists(old_path_)) << "and it does not stay for ever";
  EXPECT_EQ(Used(), text_.size());
}

// As when its disk hung while the copy was made.
TEST_P(ChunkStoreHistoriesTest, ACopyDoesNotGoForALongerOneThatItTookThePlaceOf) {
  const std::string old_text = RandomText(100'000);
  const std::string text = RandomText(50'000);
  Make(old_text, 0, 0);
  const std::shared_ptr<Replica> old = Find(kId);
  ASSERT_OK(old->Finalize(old_text.size(), Crc32c(old_text)));
  old->Judged();  // by the master before
  old->Condemn("for the test").IgnoreError();
  CopyIn(kId, text, {}, 1);
  ASSERT_OK(old->Acquit(old->condemnations()));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1u);
  EXPECT_EQ(ReadServed(kId).value(), text);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Used(), text.size());
}

TEST_P(ChunkStoreHistoriesTest, WhatIsBeingWrittenDoesNotGoForWhatWasSealedBefore) {
  MakeOld();
  MakeNew();
  OldDiskReturns();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kOpen), 1u);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 0u);
  ASSERT_OK(Find(kId)->Fence(7));
  LookAgain();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kFenced), 1u) << "it has its vote";
  Seal();
  Find(kId)->Judged();
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_FALSE(machine_.fs()->Exists(old_path_));
  EXPECT_EQ(Used(), text_.size());
}

TEST_P(ChunkStoreHistoriesTest, NorDoesItOverARestart) {
  MakeOld(/*token=*/4711);
  MakeNew(/*token=*/4712);
  Mount(machine_.dir(0));
  Open();
  LookAgain();
  EXPECT_TRUE(BothThere());
  const size_t first = store_->DiskOf(kId).value();  // whichever was loaded first
  ASSERT_OK(store_->Remove(kId));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1 - first);
}

TEST_P(ChunkStoreHistoriesTest, NothingIsMadeOverWhatCouldNotBeReadAtTheStart) {
  using enum FaultyFileSystem::Operation;
  const std::string text = RandomText(100'000);
  Make(text, 0, 0);
  const std::string path = DataPath(kId);
  machine_.faults().Fail(kRead, path, EIO);
  Open();
  for (const size_t disk : {0u, 1u}) {
    EXPECT_THAT(store_->Create(Spec(kId), disk), StatusIs(absl::StatusCode::kAlreadyExists));
  }
  machine_.faults().Fail(kRead, path, 0);
  clock_.AdvanceTime(absl::Minutes(1));
  store_->ReopenDisks();
  EXPECT_EQ(ReadAll(kId).value(), text);
}

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreHistoriesTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
