// The whole store over both kinds of index: a random life with kills and power cuts, and the cases
// that such a life rarely meets.
#include "chunkserver/store/chunk_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "chunkserver/store/replica_reader.h"
#include "common/crc32c.h"
#include "tests/chunkserver/store/index_kinds.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::chunkserver {
namespace {

using ::testing::HasSubstr;

class ChunkStoreTest : public RandomTest, public ::testing::WithParamInterface<IndexKind> {
 protected:
  ChunkStoreTest() : machine_(GetParam()) { Open(); }

  ChunkStoreOptions Options() {
    ChunkStoreOptions options;
    options.dirs = {machine_.dir(0), machine_.dir(1)};
    options.boot_id = fmt::format("boot-{}", boot_);
    options.reserve_bytes = 1;
    options.fs = machine_.fs();
    options.clock = &clock_;
    options.open_index = machine_.opener();
    return options;
  }
  void Open() {
    store_.reset();
    auto store = ChunkStore::Open(Options());
    ASSERT_OK(store);
    store_ = *std::move(store);
  }
  void PowerCut() {
    machine_.PowerCut(OneIn(2) ? &random_ : nullptr);
    store_.reset();
    machine_.PowerOn();
    ++boot_;
    Open();
  }
  static ReplicaSpec Spec(ChunkId chunk, Durability durability = Durability::kOnClose) {
    ReplicaSpec spec{.chunk = chunk, .durability = durability, .capacity_bytes = 4 << 20};
    spec.chain = {{ServerId(1), "a:1"}};
    return spec;
  }
  std::shared_ptr<Replica> Find(ChunkId chunk) {
    auto replica = store_->Find(chunk);
    EXPECT_OK(replica);
    return replica.value_or(nullptr);
  }
  std::string DataPath(ChunkId chunk) {
    return fmt::format("{}/data/{:02x}/{:016x}", Find(chunk)->disk().path(), chunk.value() & 0xff,
                       chunk.value());
  }
  absl::Status Append(ChunkId chunk, std::string_view text, uint64_t seq = 1) {
    const std::shared_ptr<Replica> replica = Find(chunk);
    const iovec part{const_cast<char*>(text.data()), text.size()};
    const uint64_t offset = replica->facts().report.length;
    const PayloadSums sums = SumPayload(offset, {&part, 1});
    return replica
        ->Append({.offset = offset,
                  .producer = 7,
                  .seq = seq,
                  .committed = 0,
                  .payload = {&part, 1},
                  .sums = &sums})
        .status();
  }
  // Every byte, through the checks.
  absl::StatusOr<std::string> ReadAll(ChunkId chunk) {
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, store_->Find(chunk));
    ASSIGN_OR_RETURN(const auto reader, ReplicaReader::OpenToVerify(replica));
    return ReadWith(reader.get());
  }
  absl::StatusOr<std::string> ReadWith(ReplicaReader* reader) {
    std::string all;
    std::string buffer(kReadPieceBytes, '\0');
    while (true) {
      ASSIGN_OR_RETURN(const ReplicaReader::Piece piece,
                       reader->Read(all.size(), 1 + Below(200'000), buffer.data()));
      if (piece.bytes.empty()) return all;
      EXPECT_EQ(piece.crc, Crc32c(piece.bytes));
      all += piece.bytes;
    }
  }
  // As a reader gets it.
  absl::StatusOr<std::string> ReadServed(ChunkId chunk) {
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica, store_->Find(chunk));
    ASSIGN_OR_RETURN(const auto reader, ReplicaReader::Open(replica));
    return ReadWith(reader.get());
  }
  ChunkId MakeSealed(ChunkId chunk, std::string_view text) {
    EXPECT_OK(store_->Create(Spec(chunk)));
    EXPECT_OK(Append(chunk, text));
    EXPECT_OK(Find(chunk)->Finalize(text.size(), Crc32c(text)));
    return chunk;
  }
  // A copy from another server.
  void CopyIn(ChunkId chunk, std::string_view text, std::vector<ProducerSeq> producers = {}) {
    ASSERT_OK_AND_ASSIGN(auto copy, store_->BeginCopy(chunk, text.size()));
    const iovec part{const_cast<char*>(text.data()), text.size()};
    ASSERT_OK(copy->Append({&part, 1}, SumPayload(0, {&part, 1})));
    copy->set_producers(std::move(producers));
    ASSERT_OK(store_->FinishCopy(std::move(copy), text.size(), Crc32c(text)));
  }
  void Move(const std::string& from, const std::string& to) { ASSERT_OK(machine_.Move(from, to)); }
  // Leaves an empty mount point, as a restart finds it.
  void Unmount(const std::string& dir) {
    store_.reset();
    Move(dir, dir + "-unmounted");
    ASSERT_OK(machine_.fs()->MakeDirs(dir));
    Open();
  }
  void Mount(const std::string& dir) {
    ASSERT_OK(machine_.fs()->RemoveTree(dir));
    Move(dir + "-unmounted", dir);
  }
  void Overwrite(const std::string& path, uint64_t offset, std::string_view bytes) {
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {.write = true}));
    ASSERT_OK(file->Pwrite(bytes, offset));
    ASSERT_OK(file->Datasync());
  }
  std::string RandomText(size_t n) {
    std::string text(n, '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }

  SimulatedClock clock_;
  TestMachine machine_;
  int boot_ = 1;
  std::unique_ptr<ChunkStore> store_;
};

// What the store has promised of one chunk.
struct Promise {
  std::string appended;  // acknowledged, in memory at least
  uint64_t durable = 0;  // promised to be on the disk
  Durability durability = Durability::kOnClose;
  ReplicaState state = ReplicaState::kOpen;
  bool after_power_cut = false;  // while it was open
  uint64_t seq = 0;
};

TEST_P(ChunkStoreTest, ACopyNeverTakesThePlaceOfAnotherHistorysReplica) {
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(1000));
  EXPECT_THAT(store_->BeginCopy(chunk, 500), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_OK(store_->BeginCopy(chunk, 1000)) << "the same bytes once more";
  EXPECT_THAT(store_->Create(Spec(chunk)), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_P(ChunkStoreTest, KeepsItsPromisesThroughKillsAndPowerCuts) {
  std::map<ChunkId, Promise> promises;
  uint64_t next_chunk = 1;
  const auto pick = [&]() -> std::pair<const ChunkId, Promise>* {
    if (promises.empty()) return nullptr;
    return &*std::next(promises.begin(), static_cast<ptrdiff_t>(Below(promises.size())));
  };
  const auto after_restart = [&](bool power_cut) {
    for (auto& [chunk, promise] : promises) {
      const Replica::Facts facts = Find(chunk)->facts();
      const uint64_t length = facts.report.length;
      if (promise.state == ReplicaState::kOpen) {
        promise.state = ReplicaState::kFenced;
        EXPECT_EQ(facts.suspect, power_cut && promise.durability == Durability::kOnClose);
        if (!power_cut) {
          EXPECT_EQ(length, promise.appended.size());
        }
        EXPECT_GE(length, promise.durable) << chunk.ToString();
        promise.appended.resize(std::min<size_t>(promise.appended.size(), length));
        promise.durable = length;
      }
      // A seal that was not synced may be forgotten, never the bytes.
      if (power_cut && promise.state == ReplicaState::kFinalized)
        promise.state = facts.report.state;
      EXPECT_EQ(facts.report.state, promise.state) << chunk.ToString();
      EXPECT_EQ(length, promise.appended.size()) << chunk.ToString();
    }
  };
  for (int step = 0; step < 150 && !HasFailure(); ++step) {
    auto* chosen = pick();
    switch (Below(chosen == nullptr ? 1 : 12)) {
      case 0: {
        const ChunkId chunk(next_chunk++);
        const Durability durability = OneIn(3) ? Durability::kSync : Durability::kOnClose;
        ASSERT_OK(store_->Create(Spec(chunk, durability)));
        promises[chunk].durability = durability;
        break;
      }
      case 1:
      case 2:
      case 3:
      case 4: {
        auto& [chunk, promise] = *chosen;
        const std::string text = RandomText(1 + Below(150'000));
        const absl::Status status = Append(chunk, text, ++promise.seq);
        EXPECT_EQ(status.ok(), promise.state == ReplicaState::kOpen) << status.ToString();
        if (!status.ok()) break;
        promise.appended += text;
        if (promise.durability == Durability::kSync) promise.durable = promise.appended.size();
        break;
      }
      case 5:
        if (Find(chosen->first)->Sync().ok())
          chosen->second.durable = chosen->second.appended.size();
        break;
      case 6: {
        ASSERT_OK(Find(chosen->first)->Fence(7));
        if (chosen->second.state == ReplicaState::kOpen) {
          chosen->second.state = ReplicaState::kFenced;
          chosen->second.durable = chosen->second.appended.size();
        }
        break;
      }
      case 7: {
        auto& [chunk, promise] = *chosen;
        const uint32_t crc = Crc32c(promise.appended);
        ASSERT_OK_AND_ASSIGN(const ReplicaReport report,
                             Find(chunk)->Finalize(promise.appended.size(), crc));
        EXPECT_EQ(report.state, ReplicaState::kFinalized);
        promise.state = ReplicaState::kFinalized;
        promise.durable = promise.appended.size();
        break;
      }
      case 8:
        ASSERT_OK(store_->Remove(chosen->first));
        promises.erase(chosen->first);
        break;
      case 9: {
        const auto bytes = ReadAll(chosen->first);
        ASSERT_OK(bytes);
        EXPECT_TRUE(*bytes == chosen->second.appended) << chosen->first.ToString();
        break;
      }
      case 10:
        Open();
        after_restart(/*power_cut=*/false);
        break;
      case 11:
        PowerCut();
        // A removal is remembered: the master may have taken note of it and removed others.
        EXPECT_EQ(store_->size(), promises.size());
        after_restart(/*power_cut=*/true);
        break;
    }
  }
  EXPECT_EQ(store_->size(), promises.size());
  for (const auto& [chunk, promise] : promises) {
    const auto bytes = ReadAll(chunk);
    ASSERT_OK(bytes);
    EXPECT_TRUE(*bytes == promise.appended) << chunk.ToString();
  }
}

TEST_P(ChunkStoreTest, CutsBytesWithoutARecord) {
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk)));
  ASSERT_OK(Append(chunk, "abc"));
  const std::string path = fmt::format("{}/data/01/{:016x}", Find(chunk)->disk().path(), 1);
  {
    // The process died between the bytes and their record.
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {.write = true}));
    ASSERT_OK(file->Pwrite("torn", 3));
  }
  Open();
  EXPECT_EQ(ReadAll(chunk).value(), "abc");
  ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {}));
  EXPECT_EQ(file->Size().value(), 3u);
  EXPECT_FALSE(Find(chunk)->facts().suspect);
}

TEST_P(ChunkStoreTest, LostBytesMakeItSuspectAndLostDurableOnesCorrupt) {
  for (const bool synced : {false, true}) {
    const ChunkId chunk(synced ? 2 : 1);
    ASSERT_OK(store_->Create(Spec(chunk)));
    ASSERT_OK(Append(chunk, "abc", 1));
    ASSERT_OK(Append(chunk, "def", 2));
    if (synced) {
      ASSERT_OK(Find(chunk)->Sync());
    }
    const std::string path = fmt::format("{}/data/{:02x}/{:016x}", Find(chunk)->disk().path(),
                                         chunk.value(), chunk.value());
    store_.reset();
    ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {.write = true}));
    ASSERT_OK(file->Truncate(4));
    Open();
    const Replica::Facts facts = Find(chunk)->facts();
    EXPECT_EQ(facts.report.length, 3u);
    EXPECT_EQ(facts.report.state, synced ? ReplicaState::kCorrupt : ReplicaState::kFenced);
    EXPECT_TRUE(facts.suspect);
  }
}

TEST_P(ChunkStoreTest, APowerCutBringsNoRemovedReplicaBack) {
  for (const bool keep_some : {false, true, true, true}) {
    const ChunkId chunk(1);
    ASSERT_OK(store_->Create(Spec(chunk)));
    ASSERT_OK(Append(chunk, "abc"));
    ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
    const std::string path = DataPath(chunk);
    ASSERT_OK(store_->SaveSeen({}, WriteMode::kSynced));  // takes the seal to the disk with it
    ASSERT_OK(store_->Remove(chunk));
    machine_.PowerCut(keep_some ? &random_ : nullptr);
    store_.reset();
    machine_.PowerOn();
    ++boot_;
    Open();
    EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_FALSE(machine_.fs()->Exists(path)) << "the removal is finished at the start";
    EXPECT_THAT(store_->Disks()[0].used_bytes + store_->Disks()[1].used_bytes, 0u);
  }
}

TEST_P(ChunkStoreTest, ARowWithoutItsBytesIsNoReplica) {
  for (const ReplicaState state :
       {ReplicaState::kFinalized, ReplicaState::kQuarantined, ReplicaState::kStale}) {
    for (const bool missing : {true, false}) {
      SCOPED_TRACE(fmt::format("{} {}", StateName(state), missing));
      const ChunkId chunk(1);
      ASSERT_OK(store_->Create(Spec(chunk)));
      ASSERT_OK(Append(chunk, "abc"));
      ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
      if (state == ReplicaState::kQuarantined) {
        ASSERT_OK(Find(chunk)->Quarantine());
      }
      if (state == ReplicaState::kStale) {
        ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abd")));
      }
      ASSERT_EQ(Find(chunk)->facts().report.state, state);
      const std::string path = DataPath(chunk);
      store_.reset();
      if (missing) {
        ASSERT_OK(machine_.fs()->Remove(path));
      } else {
        ASSERT_OK_AND_ASSIGN(const auto file, machine_.fs()->Open(path, {.write = true}));
        ASSERT_OK(file->Truncate(2));
      }
      Open();
      EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt);
      ASSERT_OK_AND_ASSIGN(const ReplicaReport report, Find(chunk)->Finalize(3, Crc32c("abc")));
      EXPECT_EQ(report.state, ReplicaState::kCorrupt) << "no order makes it good";
      ASSERT_OK(store_->Remove(chunk));
    }
  }
}

TEST_P(ChunkStoreTest, TheRoomOfASealedChunkIsGivenBack) {
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk)));
  const auto used = [&] {
    uint64_t sum = 0;
    for (const DiskStatus& disk : store_->Disks()) sum += disk.used_bytes;
    return sum;
  };
  EXPECT_EQ(used(), 4u << 20);
  ASSERT_OK(Append(chunk, "abc"));
  ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
  EXPECT_EQ(used(), 3u);
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_EQ(used(), 0u);
}

TEST_P(ChunkStoreTest, ADiskWhoseIndexIsGoneIsNotTakenForANewOne) {
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk)));
  const std::string uuid = store_->server_uuid();
  const std::string lost = Find(chunk)->disk().path();
  store_.reset();
  if (GetParam() == IndexKind::kMemory) return;  // its index is no file
  ASSERT_OK(machine_.fs()->RemoveTree(lost + "/index"));
  Open();
  EXPECT_EQ(store_->server_uuid(), uuid);
  EXPECT_THAT(store_->Find(chunk), StatusIs(absl::StatusCode::kUnavailable));
  const std::vector<DiskStatus> disks = store_->Disks();
  EXPECT_EQ(std::ranges::count_if(disks, [](const auto& disk) { return disk.health.ok(); }), 1);
  EXPECT_OK(store_->Create(Spec(ChunkId(2)))) << "the other disk goes on";
}

TEST_P(ChunkStoreTest, ADiskWhoseIndexIsEmptyIsNotTakenForANewOne) {
  const std::string uuid = store_->server_uuid();
  store_.reset();
  const std::string index = machine_.dir(0) + "/index";
  ASSERT_OK(machine_.fs()->RemoveTree(index));
  ASSERT_OK(machine_.opener()(index, /*create=*/true));
  Open();
  EXPECT_EQ(store_->server_uuid(), uuid);
  EXPECT_THAT(store_->Disks()[0].health,
              StatusIs(absl::StatusCode::kDataLoss, ::testing::HasSubstr(machine_.dir(0))));
  EXPECT_OK(store_->Disks()[1].health);
}

TEST_P(ChunkStoreTest, RemembersTheNewestMasterOnEveryDisk) {
  ASSERT_OK(store_->SaveSeen({.cluster_id = "red", .followed = {3, 7, 9}}, WriteMode::kSynced));
  PowerCut();
  EXPECT_EQ(store_->seen_at_start().cluster_id, "red");
  EXPECT_EQ(store_->seen_at_start().followed, (FollowedMaster{3, 7, 9}));
}

TEST_P(ChunkStoreTest, RefusesTheDiskOfAnotherServer) {
  store_.reset();
  ChunkStoreOptions other = Options();
  other.dirs = {machine_.dir(7)};
  { ASSERT_OK(ChunkStore::Open(other)); }
  other.dirs = {machine_.dir(0), machine_.dir(7)};
  EXPECT_THAT(ChunkStore::Open(other), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(ChunkStoreTest, AFormatThatACrashInterruptedIsFinished) {
  store_.reset();
  ASSERT_OK(machine_.fs()->Remove(machine_.dir(0) + "/IDENTITY"));
  Open();
  EXPECT_TRUE(machine_.fs()->Exists(machine_.dir(0) + "/IDENTITY"));
}

// --- Errors that say nothing about the bytes.

TEST_P(ChunkStoreTest, WhatTheServerLacksCondemnsNoReplica) {
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(300'000));
  using enum FaultyFileSystem::Operation;
  for (const auto operation : {kOpen, kRead}) {
    for (const int error : {EMFILE, ENFILE, ENOMEM, EINTR, EACCES, EIO}) {
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

TEST_P(ChunkStoreTest, WhatTheServerLacksFailsNoDisk) {
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

TEST_P(ChunkStoreTest, ADiskThatTakesNothingIsPassedOver) {
  using enum FaultyFileSystem::Operation;
  machine_.faults().Fail(kOpen, machine_.dir(0) + "/data/", EROFS);
  machine_.faults().Fail(kOpen, machine_.dir(0) + "/tmp/", EROFS);
  for (uint64_t id = 1; id <= 4; ++id) {
    ASSERT_OK(store_->Create(Spec(ChunkId(id))));
    EXPECT_EQ(Find(ChunkId(id))->disk().path(), machine_.dir(1));
    ASSERT_OK_AND_ASSIGN(const auto copy, store_->BeginCopy(ChunkId(100 + id), 10));
    EXPECT_EQ(copy->disk()->path(), machine_.dir(1));
  }
}

TEST_P(ChunkStoreTest, ABadSectorUnderOneReplicaAtTheStartCostsNoOther) {
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
  machine_.faults().Fail(kRead, path, 0);
  Open();
  EXPECT_EQ(ReadAll(ChunkId(1)).value(), text);
}

TEST_P(ChunkStoreTest, VerifyCondemnsAndAcquits) {
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

TEST_P(ChunkStoreTest, VerifyLooksAtReplicasInEveryState) {
  const std::string text = RandomText(200'000);
  ASSERT_OK(store_->Create(Spec(ChunkId(1))));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().outcome, Verification::Outcome::kGood) << "empty";
  ASSERT_OK(Append(ChunkId(1), text));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().bytes_read, text.size());
  ASSERT_OK(Find(ChunkId(1))->Fence(7));
  Overwrite(DataPath(ChunkId(1)), 7, "x");
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().outcome, Verification::Outcome::kCondemned);
  Overwrite(DataPath(ChunkId(1)), 7, text.substr(7, 1));
  EXPECT_EQ(store_->Verify(ChunkId(1)).value().report.state, ReplicaState::kFenced);
  MakeSealed(ChunkId(2), text);
  ASSERT_OK(Find(ChunkId(2))->Quarantine());
  EXPECT_EQ(store_->Verify(ChunkId(2)).value().report.state, ReplicaState::kQuarantined);
  ASSERT_OK(machine_.fs()->Remove(DataPath(ChunkId(2))));
  EXPECT_EQ(store_->Verify(ChunkId(2)).value().outcome, Verification::Outcome::kCondemned);
}

TEST_P(ChunkStoreTest, VerifyCanBeEnded) {
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

// --- Disks that are missing.

TEST_P(ChunkStoreTest, AnEmptyMountPointIsNoNewDiskAndItsChunksAreNotLost) {
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

TEST_P(ChunkStoreTest, AServerWithNothingButAnEmptyMountPointDoesNotStart) {
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

TEST_P(ChunkStoreTest, ADiskIsForgottenOnlyByOrder) {
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

TEST_P(ChunkStoreTest, ADiskThatWasLeftOutIsMissed) {
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

TEST_P(ChunkStoreTest, ADiskThatLacksSomethingAtTheStartIsTriedAgain) {
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

TEST_P(ChunkStoreTest, ADiskThatCameBackKeepsTheBetterOfTwoReplicas) {
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

TEST_P(ChunkStoreTest, ACopyWithoutARowIsFoundAndQuarantined) {
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

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
