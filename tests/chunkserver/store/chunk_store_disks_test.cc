// What a store makes of disks that are away, full or bad in places, and of replicas that are
// checked.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "common/thread.h"
#include "tests/chunkserver/store/chunk_store_fixture.h"
#include "tests/support/hanging_file_system.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

class ChunkStoreDisksTest : public ChunkStoreFixture {};

TEST_P(ChunkStoreDisksTest, WhatTheServerLacksCondemnsNoReplica) {
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(300'000));
  using enum FaultyFileSystem::Operation;
  for (const auto operation : {kOpen, kRead}) {
    for (const int error : {EMFILE, ENFILE, ENOMEM, EINTR, EACCES}) {
      SCOPED_TRACE(fmt::format("{} {}", static_cast<int>(operation), std::strerror(error)));
      machine_.faults().Fail(operation, "/data/", error);
      EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kUnavailable));
      ASSERT_OK_AND_ASSIGN(const Verification found, store_->Verify(chunk));
      EXPECT_EQ(found.outcome, Verification::Outcome::kUnreadable);
      EXPECT_EQ(found.report.state, ReplicaState::kFinalized);
      machine_.faults().Fail(operation, "/data/", 0);
      EXPECT_OK(ReadServed(chunk));
    }
  }
}

TEST_P(ChunkStoreDisksTest, WhatTheServerLacksFailsNoDisk) {
  using enum FaultyFileSystem::Operation;
  MakeSealed(ChunkId(1), "abc");
  for (const int error : {EMFILE, ENFILE, ENOMEM, EINTR, EACCES, ENOSPC}) {
    SCOPED_TRACE(std::strerror(error));
    machine_.faults().Fail(kOpen, "/data/", error);
    EXPECT_FALSE(store_->Create(Spec(ChunkId(2))).ok());
    machine_.faults().Fail(kOpen, "/data/", 0);
    for (const DiskStatus& disk : store_->Disks()) EXPECT_OK(disk.health);
    ASSERT_OK(store_->Create(Spec(ChunkId(2))));
    ASSERT_OK(store_->Remove(ChunkId(2)));
  }
}

TEST_P(ChunkStoreDisksTest, ADiskThatTakesNothingIsPassedOver) {
  using enum FaultyFileSystem::Operation;
  machine_.faults().Fail(kOpen, machine_.dir(0) + "/data/", EROFS);
  machine_.faults().Fail(kOpen, machine_.dir(0) + "/tmp/", EROFS);
  for (uint64_t id = 1; id <= 4; ++id) {
    ASSERT_OK(store_->Create(Spec(ChunkId(id))));
    EXPECT_EQ(Find(ChunkId(id))->disk().path(), machine_.dir(1));
    ASSERT_OK_AND_ASSIGN(const auto copy, store_->BeginCopy(ChunkId(100 + id), SealedAs{10, 0}));
    EXPECT_EQ(copy->disk()->path(), machine_.dir(1));
  }
}

TEST_P(ChunkStoreDisksTest, VerifyCondemnsAndAcquits) {
  const std::string text = RandomText(1'500'000);
  const ChunkId chunk = MakeSealed(ChunkId(1), text);
  ASSERT_OK_AND_ASSIGN(const Verification good, store_->Verify(chunk));
  EXPECT_EQ(good.outcome, Verification::Outcome::kGood);
  EXPECT_EQ(good.bytes_read, text.size());
  const std::string path = DataPath(chunk);
  Overwrite(path, 1'400'000, std::string(1, static_cast<char>(text[1'400'000] ^ 1)));
  ASSERT_OK_AND_ASSIGN(const Verification bad, store_->Verify(chunk));
  EXPECT_EQ(bad.outcome, Verification::Outcome::kCondemned);
  EXPECT_EQ(bad.report.state, ReplicaState::kCorrupt);
  EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(const Verification still, store_->Verify(chunk));
  EXPECT_EQ(still.outcome, Verification::Outcome::kCondemned);
  // Its bytes are right after all: say, a cable was loose.
  Overwrite(path, 1'400'000, text.substr(1'400'000, 1));
  EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kDataLoss)) << "only a check helps";
  ASSERT_OK_AND_ASSIGN(const Verification again, store_->Verify(chunk));
  EXPECT_EQ(again.outcome, Verification::Outcome::kGood);
  EXPECT_EQ(again.report.state, ReplicaState::kFinalized);
  EXPECT_EQ(ReadServed(chunk).value(), text);
  PowerCut();
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFinalized) << "durably";
  EXPECT_THAT(store_->Verify(ChunkId(9)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(ChunkStoreDisksTest, VerifyLooksAtReplicasInEveryState) {
  const std::string text = RandomText(200'000);
  ASSERT_OK(store_->Create(Spec(ChunkId(1))));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().outcome, Verification::Outcome::kGood) << "empty";
  ASSERT_OK(Append(ChunkId(1), text));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().bytes_read, text.size());
  ASSERT_OK(Find(ChunkId(1))->Fence(7));
  Overwrite(DataPath(ChunkId(1)), 7, std::string(1, static_cast<char>(text[7] ^ 1)));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().outcome, Verification::Outcome::kCondemned);
  Overwrite(DataPath(ChunkId(1)), 7, text.substr(7, 1));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().report.state, ReplicaState::kFenced);
  MakeSealed(ChunkId(2), text);
  ASSERT_OK(Find(ChunkId(2))->Quarantine());
  EXPECT_EQ(store_->Verify(ChunkId(2)).value().report.state, ReplicaState::kQuarantined);
  ASSERT_OK(machine_.fs()->Remove(DataPath(ChunkId(2))));
  EXPECT_EQ(store_->Verify(ChunkId(2)).value().outcome, Verification::Outcome::kCondemned);
}

TEST_P(ChunkStoreDisksTest, VerifyCanBeEnded) {
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(3 << 20));
  int steps = 0;
  const auto twice = [&](uint64_t bytes) {
    EXPECT_EQ(bytes, kReadPieceBytes);
    return ++steps <= 2 ? absl::OkStatus() : CancelledError("stopping");
  };
  ASSERT_OK_AND_ASSIGN(const Verification found, store_->Verify(chunk, {.before_read = twice}));
  EXPECT_EQ(found.outcome, Verification::Outcome::kUnreadable);
  EXPECT_EQ(found.bytes_read, 2 * kReadPieceBytes);
}

TEST_P(ChunkStoreDisksTest, AFileThatCannotBeCutIsSealedAllTheSame) {
  using enum FaultyFileSystem::Operation;
  const std::string text = RandomText(200'000);
  ASSERT_OK(store_->Create(Spec(ChunkId(1))));
  ASSERT_OK(Append(ChunkId(1), text, 1));
  ASSERT_OK(Append(ChunkId(1), "more than the others have", 2));
  machine_.faults().Fail(kTruncate, "/data/", ENOMEM);
  Find(ChunkId(1))->Finalize(text.size(), Crc32c(text)).IgnoreError();
  machine_.faults().Fail(kTruncate, "/data/", 0);
  EXPECT_EQ(Find(ChunkId(1))->facts().report.state, ReplicaState::kFinalized)
      << "as its row says, which is stored";
  ASSERT_OK(Find(ChunkId(1))->Finalize(text.size(), Crc32c(text)));
  EXPECT_EQ(ReadAll(ChunkId(1)).value(), text);
  ASSERT_OK_AND_ASSIGN(const Replica::FenceAnswer fenced, Find(ChunkId(1))->Fence(7));
  EXPECT_EQ(fenced.last_seq, 1u) << "what its producer sent is still known";
}

// The server ends, or lacks something, between the row of a seal and the cut.
TEST_P(ChunkStoreDisksTest, SpaceThatASealDidNotGiveBackComesBackWithTheNextStart) {
  using enum FaultyFileSystem::Operation;
  const auto allocated = [](const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return static_cast<uint64_t>(info.st_blocks) * 512;
  };
  const std::string text = RandomText(200'000);
  for (const uint64_t id : {1, 2}) {
    const ChunkId chunk(id);
    ASSERT_OK(store_->Create(Spec(chunk)));
    ASSERT_OK(Append(chunk, text, 1));
    if (id == 2) {
      ASSERT_OK(Append(chunk, "more than the others have", 2));
    }
    const std::string path = DataPath(chunk);
    machine_.faults().Fail(kTruncate, "/data/", EMFILE);
    EXPECT_FALSE(Find(chunk)->Finalize(text.size(), Crc32c(text)).ok());
    EXPECT_GE(allocated(path), Spec(chunk).capacity_bytes);
    // Once more in vain.
    Open();
    EXPECT_EQ(ReadAll(chunk).value(), text);
    machine_.faults().Fail(kTruncate, "/data/", 0);
    Open();
    EXPECT_LT(allocated(path), Spec(chunk).capacity_bytes / 2);
    EXPECT_EQ(ReadAll(chunk).value(), text);
    PowerCut();
    EXPECT_EQ(ReadAll(chunk).value(), text);
  }
}

TEST_P(ChunkStoreDisksTest, WhatTheDiskRefusesAgainAndAgainIsCondemned) {
  using enum FaultyFileSystem::Operation;
  const std::string text = RandomText(1'500'000);
  const ChunkId chunk = MakeSealed(ChunkId(1), text);
  machine_.faults().Fail(kRead, DataPath(chunk), EIO);
  EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kDataLoss)) << "to be reported";
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFinalized);
  int retries = 0;
  const auto count = [&] {
    ++retries;
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const Verification bad, store_->Verify(chunk, {.before_retry = count}));
  EXPECT_EQ(bad.outcome, Verification::Outcome::kCondemned);
  EXPECT_EQ(retries, kReadTries - 1);
  for (const DiskStatus& disk : store_->Disks()) EXPECT_OK(disk.health);
  // And it may turn out that it was not the bytes.
  machine_.faults().Fail(kRead, DataPath(chunk), 0);
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
  EXPECT_EQ(ReadServed(chunk).value(), text);
}

TEST_P(ChunkStoreDisksTest, WhatTheDiskRefusesOnceIsGood) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(1'500'000));
  machine_.faults().Fail(kRead, DataPath(chunk), EIO);
  const auto works_again = [&] {
    machine_.faults().Fail(kRead, DataPath(chunk), 0);
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const Verification good,
                       store_->Verify(chunk, {.before_retry = works_again}));
  EXPECT_EQ(good.outcome, Verification::Outcome::kGood);
  EXPECT_EQ(good.bytes_read, 1'500'000u);
  machine_.faults().Fail(kRead, DataPath(chunk), EIO);
  const auto stop = [] { return CancelledError("stopping"); };
  ASSERT_OK_AND_ASSIGN(const Verification ended, store_->Verify(chunk, {.before_retry = stop}));
  EXPECT_EQ(ended.outcome, Verification::Outcome::kUnreadable);
}

// A replica that is not sealed has a vote, and only its own bytes may take it away.
TEST_P(ChunkStoreDisksTest, WhatIsNotSealedIsNotCondemnedByWhatTheDiskRefuses) {
  using enum FaultyFileSystem::Operation;
  ASSERT_OK(store_->Create(Spec(ChunkId(1))));
  ASSERT_OK(Append(ChunkId(1), RandomText(200'000)));
  ASSERT_OK(Find(ChunkId(1))->Fence(7));
  machine_.faults().Fail(kRead, DataPath(ChunkId(1)), EIO);
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().outcome, Verification::Outcome::kUnreadable);
  EXPECT_EQ(Find(ChunkId(1))->facts().report.state, ReplicaState::kFenced);
}

// --- Disks that are missing.

TEST_P(ChunkStoreDisksTest, AnEmptyMountPointIsNoNewDiskAndItsChunksAreNotLost) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string away = Find(chunk)->disk().path();
  Unmount(away);
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(away)));
  EXPECT_FALSE(machine_.fs()->Exists(away + "/IDENTITY")) << "nothing is written to it";
  EXPECT_OK(store_->Create(Spec(ChunkId(2)))) << "the other disk goes on";
  store_->ReopenDisks();
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(machine_.fs()->Exists(away + "/IDENTITY"));
  Mount(away);
  store_->ReopenDisks();
  EXPECT_EQ(ReadServed(chunk).value(), "abc") << "without a restart";
  EXPECT_THAT(store_->Find(ChunkId(9)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  Open();
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
}

TEST_P(ChunkStoreDisksTest, AServerWithNothingButAnEmptyMountPointDoesNotStart) {
  store_.reset();
  ChunkStoreOptions options = Options();
  options.dirs = {machine_.dir(5)};
  std::string uuid;
  {
    ASSERT_OK_AND_ASSIGN(const auto store, ChunkStore::Open(options));
    uuid = store->server_uuid();
  }
  Move(machine_.dir(5), machine_.dir(6));
  EXPECT_THAT(ChunkStore::Open(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--forget_disks")));
  EXPECT_FALSE(machine_.fs()->Exists(machine_.dir(5) + "/IDENTITY"));
  options.dirs = {machine_.dir(5), machine_.dir(6)};
  ASSERT_OK_AND_ASSIGN(const auto moved, ChunkStore::Open(options));
  EXPECT_EQ(moved->server_uuid(), uuid) << "it has moved, and its old place is a new disk";
  EXPECT_TRUE(machine_.fs()->Exists(machine_.dir(5) + "/IDENTITY"));
}

TEST_P(ChunkStoreDisksTest, ADiskIsForgottenOnlyByOrder) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string lost = Find(chunk)->disk().path();
  const std::string uuid = Find(chunk)->disk().uuid();
  Unmount(lost);
  store_.reset();
  ChunkStoreOptions options = Options();
  options.forget_disks = {uuid};
  { ASSERT_OK(ChunkStore::Open(options)); }
  Open();
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_TRUE(machine_.fs()->Exists(lost + "/IDENTITY")) << "a new disk";
  for (const DiskStatus& disk : store_->Disks()) EXPECT_OK(disk.health);
}

TEST_P(ChunkStoreDisksTest, ADiskThatWasLeftOutIsMissed) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string left_out = Find(chunk)->disk().path();
  store_.reset();
  ChunkStoreOptions options = Options();
  std::erase(options.dirs, left_out);
  ASSERT_OK_AND_ASSIGN(const auto store, ChunkStore::Open(options));
  EXPECT_THAT(store->Find(chunk), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(left_out)));
  ASSERT_EQ(store->Disks().size(), 2u);
  EXPECT_FALSE(store->Disks()[1].health.ok());
}

TEST_P(ChunkStoreDisksTest, ADiskIsMissedAlsoWhenAnotherOneStandsInItsPlace) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string left_out = Find(chunk)->disk().path();
  const std::string other = left_out == machine_.dir(0) ? machine_.dir(1) : machine_.dir(0);
  store_.reset();
  Move(left_out, machine_.dir(7));
  Move(other, left_out);
  ChunkStoreOptions options = Options();
  options.dirs = {left_out};
  ASSERT_OK_AND_ASSIGN(const auto store, ChunkStore::Open(options));
  EXPECT_OK(store->Disks()[0].health);
  EXPECT_THAT(store->Find(chunk), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(store->Find(ChunkId(9)), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_P(ChunkStoreDisksTest, WhatIsDamagedStaysSoOnADiskThatTakesNoWrites) {
  if (GetParam() == IndexKind::kRocks) GTEST_SKIP() << "needs an index whose writes fail";
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  machine_.FailIndexWrites(absl::PermissionDeniedError("read-only"));
  EXPECT_THAT(Find(chunk)->Condemn("for the test"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 1u);
  machine_.FailIndexWrites(absl::OkStatus());
}

TEST_P(ChunkStoreDisksTest, ADiskThatLacksSomethingAtTheStartIsTriedAgain) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  ASSERT_OK(store_->Create(Spec(ChunkId(2))));
  ASSERT_OK(store_->Create(Spec(ChunkId(3))));
  for (const int error : {EMFILE, ENOMEM, EACCES, ENOSPC}) {
    SCOPED_TRACE(std::strerror(error));
    machine_.faults().Fail(kOpen, machine_.dir(0) + "/data/", error);
    Open();
    EXPECT_FALSE(store_->Disks()[0].health.ok());
    EXPECT_OK(store_->Disks()[1].health);
    machine_.faults().Fail(kOpen, machine_.dir(0) + "/data/", 0);
    store_->ReopenDisks();
    EXPECT_OK(store_->Disks()[0].health);
    EXPECT_EQ(ReadServed(chunk).value(), "abc");
    EXPECT_EQ(store_->size(), 3u);
  }
}

TEST_P(ChunkStoreDisksTest, ADiskThatCameBackKeepsTheBetterOfTwoReplicas) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string away = Find(chunk)->disk().path();
  Unmount(away);
  CopyIn(chunk, "abc");
  Mount(away);
  store_->ReopenDisks();
  EXPECT_EQ(store_->size(), 1u);
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  Open();
  EXPECT_EQ(store_->size(), 1u);
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
}

TEST_P(ChunkStoreDisksTest, ADiskThatComesBackWhileACopyIsPublishedLeavesNoSecondReplica) {
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  const std::string first = DataPath(chunk);
  const std::string away = Find(chunk)->disk().path();
  Unmount(away);
  bool returned = false;
  machine_.faults().OnRename([&](const std::string& path) {
    if (returned || !path.ends_with("/tmp/0000000000000001")) return;
    returned = true;
    Mount(away);
    store_->ReopenDisks();
  });
  CopyIn(chunk, "abc");
  machine_.faults().OnRename(nullptr);
  ASSERT_TRUE(returned);
  for (const size_t disk : {0u, 1u}) store_->RemoveReplaced(disk);
  EXPECT_NE(Find(chunk)->disk().path(), away);
  EXPECT_FALSE(machine_.fs()->Exists(first));
  EXPECT_EQ(Used(), 3u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
}

TEST_P(ChunkStoreDisksTest, ACopyCountsAlsoWhenWhatItReplacesCannotBeRemovedYet) {
  if (GetParam() == IndexKind::kRocks) GTEST_SKIP() << "needs an index whose writes fail";
  const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
  Find(chunk)->Condemn("for the test").IgnoreError();
  const std::string first = DataPath(chunk);
  const size_t old_disk = store_->DiskOf(chunk).value();
  machine_.FailIndexWrites(ResourceExhaustedError("full"), Find(chunk)->disk().path());
  CopyIn(chunk, "abc", {}, 1 - old_disk);
  EXPECT_EQ(store_->DiskOf(chunk).value(), 1 - old_disk);
  EXPECT_EQ(store_->Disks()[1 - old_disk].used_bytes, 3u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u) << "no second one is told";
  EXPECT_EQ(ReadServed(chunk).value(), "abc");
  store_->RemoveReplaced(old_disk);
  EXPECT_TRUE(machine_.fs()->Exists(first));
  machine_.FailIndexWrites(absl::OkStatus());
  store_->RemoveReplaced(old_disk);
  EXPECT_FALSE(machine_.fs()->Exists(first));
  EXPECT_EQ(Used(), 3u);
}

TEST_P(ChunkStoreDisksTest, ACopyWithoutARowIsFoundAndQuarantined) {
  const std::string text = RandomText(1'200'000);
  const ChunkId chunk = MakeSealed(ChunkId(0x101), text);
  const std::string dir = ParentDir(DataPath(chunk));
  store_.reset();
  // As when the process died between the renaming of a copy and its row.
  const std::pair<const char*, std::string_view> files[] = {
      {"0000000000000201", text}, {"0000000000000301", ""}, {"no chunk", "abc"}};
  for (const auto& [name, bytes] : files) {
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(dir + "/" + name, {.create = true}));
    ASSERT_OK(file->Pwrite(bytes, 0));
  }
  Open();
  EXPECT_EQ(store_->size(), 2u);
  EXPECT_FALSE(machine_.fs()->Exists(dir + "/0000000000000301")) << "nothing was in it";
  EXPECT_TRUE(machine_.fs()->Exists(dir + "/no chunk")) << "not ours";
  const ChunkId orphan(0x201);
  const ReplicaReport report = Find(orphan)->facts().report;
  EXPECT_EQ(report.state, ReplicaState::kQuarantined);
  EXPECT_EQ(report.length, text.size());
  EXPECT_EQ(report.crc, Crc32c(text));
  EXPECT_EQ(store_->Verify(orphan).value().outcome, Verification::Outcome::kGood);
  Open();
  // The master can have it back, or removed.
  ASSERT_OK(Find(orphan)->Finalize(text.size(), Crc32c(text)));
  EXPECT_EQ(ReadServed(orphan).value(), text);
  ASSERT_OK(store_->Remove(orphan));
}

TEST_P(ChunkStoreDisksTest, AFileWithoutARowThatCannotBeReadCostsNothingElse) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk = MakeSealed(ChunkId(0x101), RandomText(100'000));
  const std::string dir = ParentDir(DataPath(chunk));
  const size_t disk = store_->DiskOf(chunk).value();
  store_.reset();
  const std::string orphan = dir + "/0000000000000201";
  {
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(orphan, {.create = true}));
    ASSERT_OK(file->Pwrite("abc", 0));
  }
  for (const int error : {EIO, EUCLEAN, EBADMSG}) {
    machine_.faults().Fail(kOpen, orphan, error);
    Open();
    EXPECT_OK(store_->Disks()[disk].health);
    EXPECT_OK(ReadServed(chunk));
    EXPECT_TRUE(machine_.fs()->Exists(orphan));
  }
  machine_.faults().Fail(kOpen, orphan, 0);
  Open();
  EXPECT_OK(store_->Find(ChunkId(0x201)));
}

TEST_P(ChunkStoreDisksTest, ADiskThatReturnsServesWhatIsOnOneThatHangs) {
  const std::string text = RandomText(300'000);
  const ChunkId chunk = MakeSealed(ChunkId(1), text);
  const std::string on_first = DataPath(chunk);
  const std::string away = Find(chunk)->disk().path();
  const size_t other = away == machine_.dir(0) ? 1 : 0;
  Unmount(away);
  HangingFileSystem hanging(machine_.fs());
  ChunkStoreOptions options = Options();
  options.fs = &hanging;
  store_.reset();
  auto store = ChunkStore::Open(options);
  ASSERT_OK(store);
  store_ = *std::move(store);
  CopyIn(chunk, text);
  const std::string on_second = DataPath(chunk);
  ASSERT_NE(on_second, on_first);
  hanging.Hang(machine_.dir(static_cast<int>(other)));
  Thread look("look", [&] { store_->LookAtSpace(other); });
  while (hanging.sleeping() == 0) Clock::Real()->Sleep(absl::Milliseconds(1));
  clock_.AdvanceTime(absl::Hours(1));
  ASSERT_FALSE(store_->DiskAnswers(other).ok());
  EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kUnavailable));
  Mount(away);
  store_->ReopenDisks();
  EXPECT_EQ(store_->DiskOf(chunk).value(), 1 - other);
  EXPECT_EQ(ReadServed(chunk).value(), text);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u) << "one of them is told";
  hanging.Release();
  look.Join();
  store_->RemoveReplaced(other);
  EXPECT_FALSE(FileSystem::Real()->Exists(on_second));
  EXPECT_EQ(ReadServed(chunk).value(), text);
  store_.reset();
}

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreDisksTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
