// What a store makes of two replicas of one id that two histories of the cluster have given out:
// the master was started from an old copy while a disk was away.
#include <cerrno>
#include <functional>

#include "tests/chunkserver/store/chunk_store_fixture.h"

namespace quern::chunkserver {
namespace {

class ChunkStoreHistoriesTest : public ChunkStoreFixture {
 protected:
  // The older one is longer, and on the first disk; that comes back once the id was given out anew.
  void MakeOld(uint64_t token = 0) { MakeOldAs(token, /*sealed=*/true); }
  void MakeOldAs(uint64_t token, bool sealed) {
    old_text_ = RandomText(100'000);
    text_ = RandomText(50'000);
    Make(old_text_, 0, token);
    if (sealed) {
      ASSERT_OK(Find(kId)->Finalize(old_text_.size(), Crc32c(old_text_)));
    }
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
  // Both are sealed, and the server starts with both. The disk of the one that is served, which is
  // whichever was loaded first.
  size_t StartWithBothSealed() {
    MakeOld();
    MakeNew();
    Seal();
    Mount(machine_.dir(0));
    Open();
    return store_->DiskOf(kId).value();
  }
  const std::string& TextOn(size_t disk) const { return disk == 0 ? old_text_ : text_; }
  // The disk of the old one is there first, and `meanwhile` alone.
  void NewDiskReturnsLater(
      uint64_t token, const std::function<void()>& meanwhile = [] {}) {
    MakeNew(token);
    Mount(machine_.dir(0));
    Unmount(machine_.dir(1));
    ASSERT_EQ(store_->DiskOf(kId).value(), 0u);
    EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
    meanwhile();
    Mount(machine_.dir(1));
    LookAgain();
  }
  // And told, and the other one is still there.
  bool FencedIsServed() {
    return BothThere() && store_->DiskOf(kId).value() == 1 && Count(ReplicaState::kFenced) == 1 &&
           Count(ReplicaState::kFinalized) == 0;
  }
  // As a reader gets it whose master has sealed it as `text`.
  absl::StatusOr<std::string> ReadSealedAs(std::string_view text) {
    const SealedAs sealed{.length = text.size(), .crc = Crc32c(text)};
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, store_->FindToRead(kId, sealed));
    ASSIGN_OR_RETURN(const auto reader, ReplicaReader::Open(replica, sealed));
    return ReadWith(reader.get());
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
  const size_t first = StartWithBothSealed();
  LookAgain();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  ASSERT_EQ(store_->DiskOf(kId).value(), first);
  ASSERT_OK(store_->Remove(kId));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1 - first);
  EXPECT_EQ(ReadServed(kId).value(), TextOn(1 - first));
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
  EXPECT_EQ(store_->DiskOf(kId).value(), 1u) << "whichever was loaded first";
  EXPECT_EQ(Count(ReplicaState::kFenced), 1u);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 0u);
  ASSERT_OK(store_->Remove(kId));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 0u);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
}

// It is told: any master that knows the chunk judges it.
TEST_P(ChunkStoreHistoriesTest, WhatCanBeSealedIsServedBeforeWhatNobodyHasJudged) {
  MakeOld(/*token=*/4711);
  NewDiskReturnsLater(/*token=*/4712);
  EXPECT_TRUE(FencedIsServed());
  Seal();
  Find(kId)->Judged();
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_FALSE(machine_.fs()->Exists(old_path_));
  EXPECT_EQ(Used(), text_.size());
}

// As after a restart, until the master has judged.
TEST_P(ChunkStoreHistoriesTest, WhoKnowsWhatWasSealedReadsItWhicheverIsServed) {
  MakeOld(/*token=*/4711);
  NewDiskReturnsLater(/*token=*/4712);
  ASSERT_TRUE(FencedIsServed());
  EXPECT_EQ(ReadSealedAs(old_text_).value(), old_text_);
  EXPECT_EQ(ReadSealedAs(text_).value(), text_) << "it is latched, and has just that";
  Seal();
  EXPECT_EQ(ReadSealedAs(text_).value(), text_);
  EXPECT_EQ(ReadSealedAs(old_text_).value(), old_text_);
  EXPECT_THAT(ReadSealedAs("neither"), StatusIs(absl::StatusCode::kFailedPrecondition));
  Unmount(machine_.dir(0));
  EXPECT_THAT(ReadSealedAs(old_text_), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReadSealedAs(text_).value(), text_);
}

// The order to remove it has waited meanwhile.
TEST_P(ChunkStoreHistoriesTest, WhatHasTakenThePlaceOfAnotherDoesNotGoByItsOrder) {
  MakeOld(/*token=*/0);
  NewDiskReturnsLater(/*token=*/4712);
  ASSERT_TRUE(FencedIsServed());
  ASSERT_OK(Find(kId)->Finalize(old_text_.size(), Crc32c(old_text_)));
  EXPECT_EQ(Count(ReplicaState::kStale), 1u);
  LookAgain();
  ASSERT_EQ(store_->DiskOf(kId).value(), 0u);
  EXPECT_THAT(store_->Remove(kId, /*disk=*/1), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReadServed(kId).value(), old_text_);
  ASSERT_OK(store_->Remove(kId, /*disk=*/0));
  EXPECT_EQ(Used(), 0u);
}

TEST_P(ChunkStoreHistoriesTest, ACopyIsOfAnotherOrder) {
  MakeOld(/*token=*/0);
  NewDiskReturnsLater(/*token=*/4712);
  EXPECT_TRUE(FencedIsServed());
  // It does not fit: the other one is what was meant.
  ASSERT_OK(Find(kId)->Finalize(old_text_.size(), Crc32c(old_text_)));
  EXPECT_EQ(Count(ReplicaState::kStale), 1u);
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), old_text_);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Used(), old_text_.size());
}

TEST_P(ChunkStoreHistoriesTest, OneThatIsPutInQuarantineUnsealedIsServedAsWell) {
  MakeOld(/*token=*/4711);
  MakeNew(/*token=*/4712);
  ASSERT_OK(Find(kId)->Quarantine());
  Mount(machine_.dir(0));
  Unmount(machine_.dir(1));
  ASSERT_EQ(store_->DiskOf(kId).value(), 0u);
  Mount(machine_.dir(1));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1u);
  EXPECT_EQ(Count(ReplicaState::kQuarantined), 1u);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 0u);
  EXPECT_TRUE(BothThere());
}

TEST_P(ChunkStoreHistoriesTest, WhatCanBeSealedIsServedBeforeWhatWasRefused) {
  MakeOld(/*token=*/4711);
  NewDiskReturnsLater(/*token=*/4712, [this] {
    ASSERT_OK(Find(kId)->Finalize(7, 7));
    EXPECT_EQ(Count(ReplicaState::kStale), 1u);
  });
  EXPECT_TRUE(FencedIsServed());
  EXPECT_EQ(Count(ReplicaState::kStale), 0u) << "one of them is told";
  ASSERT_OK(store_->Remove(kId));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 0u);
  EXPECT_EQ(Count(ReplicaState::kStale), 1u);
}

TEST_P(ChunkStoreHistoriesTest, AMasterThatRefusesTheServedOneGetsTheOneThatItMeant) {
  const std::string& meant = TextOn(1 - StartWithBothSealed());
  ASSERT_OK(Find(kId)->Finalize(meant.size(), Crc32c(meant)));
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), meant);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Count(ReplicaState::kStale), 0u);
  EXPECT_EQ(Used(), meant.size());
}

// The word of a wrong one is not for ever.
TEST_P(ChunkStoreHistoriesTest, WhatOneMasterRefusedIsThereForTheNext) {
  const size_t first = StartWithBothSealed();
  const std::string& meant = TextOn(first);
  ASSERT_OK(Find(kId)->Finalize(7, 7));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1 - first) << "which nobody has refused yet";
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Count(ReplicaState::kStale), 0u);
  EXPECT_TRUE(BothThere());
  ASSERT_OK(Find(kId)->Finalize(meant.size(), Crc32c(meant)));
  LookAgain();
  ASSERT_EQ(store_->DiskOf(kId).value(), first);
  EXPECT_EQ(Count(ReplicaState::kStale), 1u) << "the master hears that it fits";
  EXPECT_TRUE(BothThere());
  ASSERT_OK(Find(kId)->Finalize(meant.size(), Crc32c(meant)));
  Find(kId)->Judged();
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), meant);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Used(), meant.size());
}

TEST_P(ChunkStoreHistoriesTest, NorDoesADamagedOneGoForOneThatWasSealedDifferently) {
  MakeOld();
  MakeNew();
  Seal();
  EXPECT_THAT(Find(kId)->Condemn("for the test"), StatusIs(absl::StatusCode::kDataLoss));
  OldDiskReturns();
  EXPECT_EQ(ReadServed(kId).value(), old_text_);
  EXPECT_EQ(Count(ReplicaState::kCorrupt), 0u) << "one of them is told";
  EXPECT_TRUE(BothThere());
  ASSERT_OK(Find(kId)->Finalize(text_.size(), Crc32c(text_)));
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 1u);
  EXPECT_EQ(Count(ReplicaState::kCorrupt), 1u);
  ASSERT_OK_AND_ASSIGN(const Verification found, store_->Verify(kId));
  EXPECT_EQ(found.report.state, ReplicaState::kFinalized);
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_EQ(Used(), text_.size());
}

// The older one is longer.
TEST_P(ChunkStoreHistoriesTest, OfTwoOrdersThatAreNotSealedNeitherGoesUnjudged) {
  MakeOldAs(/*token=*/4711, /*sealed=*/false);
  MakeNew(/*token=*/4712);
  OldDiskReturns();
  EXPECT_TRUE(BothThere());
  EXPECT_EQ(Count(ReplicaState::kOpen), 1u);
  EXPECT_EQ(Count(ReplicaState::kFenced), 0u);
  Seal();
  Find(kId)->Judged();
  LookAgain();
  EXPECT_EQ(ReadServed(kId).value(), text_);
  EXPECT_FALSE(machine_.fs()->Exists(old_path_));
}

// What was served is set aside on the disk that the copy goes to.
TEST_P(ChunkStoreHistoriesTest, ACopyTakesThePlaceOfWhatWasSetAside) {
  MakeOld(/*token=*/4711);
  NewDiskReturnsLater(/*token=*/4712);
  ASSERT_TRUE(FencedIsServed());
  const std::string text = RandomText(70'000);
  CopyIn(kId, text, {}, 0);
  LookAgain();
  EXPECT_EQ(store_->DiskOf(kId).value(), 0u);
  EXPECT_EQ(ReadServed(kId).value(), text);
  EXPECT_EQ(Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(Count(ReplicaState::kFenced), 0u);
  EXPECT_EQ(Used(), text.size());
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
