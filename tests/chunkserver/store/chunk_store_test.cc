// The whole store over both kinds of index: a random life with kills and power cuts, and the cases
// that such a life rarely meets.
#include "chunkserver/store/chunk_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "chunkserver/store/replica_reader.h"
#include "common/crc32c.h"
#include "tests/chunkserver/store/chunk_store_fixture.h"

namespace quern::chunkserver {
namespace {

class ChunkStoreTest : public ChunkStoreFixture {};

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
  const std::string text = RandomText(1000);
  const ChunkId chunk = MakeSealed(ChunkId(1), text);
  const SealedAs here{text.size(), Crc32c(text)};
  const SealedAs shorter{500, here.crc};
  const SealedAs other_bytes{here.length, here.crc + 1};
  EXPECT_THAT(store_->BeginCopy(chunk, shorter), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(store_->BeginCopy(chunk, other_bytes), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_OK(store_->BeginCopy(chunk, here)) << "the same bytes once more";
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
    // Takes the seal to the disk with it.
    ASSERT_OK(store_->Create(Spec(ChunkId(2)), store_->DiskOf(chunk).value()));
    ASSERT_OK(store_->Remove(ChunkId(2)));
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

TEST_P(ChunkStoreTest, ACorruptReplicaComesBackCorruptFromTheQuarantine) {
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk)));
  ASSERT_OK(Append(chunk, "abc"));
  ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
  Find(chunk)->Condemn("for the test").IgnoreError();
  ASSERT_OK(Find(chunk)->Quarantine());
  ++boot_;
  Open();
  ASSERT_EQ(Find(chunk)->facts().report.state, ReplicaState::kQuarantined);
  ASSERT_OK_AND_ASSIGN(const ReplicaReport back, Find(chunk)->Finalize(3, Crc32c("abc")));
  EXPECT_EQ(back.state, ReplicaState::kCorrupt) << "nobody has read it since";
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
  EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFinalized);
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

// A directory that is there may be one whose name was never made durable: by a process that was
// killed, a sync that failed, or another thread that is in the middle of it.
TEST_P(ChunkStoreTest, ADirectoryThatIsThereIsDurableBeforeAReplicaInItIs) {
  for (const std::string dir : {"/data", "/data/01"}) {
    store_.reset();
    for (const int disk : {0, 1}) {
      const std::string data = machine_.dir(disk) + "/data";
      ASSERT_OK(machine_.fs()->RemoveTree(data));
      ASSERT_OK(machine_.fs()->MakeDirs(ParentDir(machine_.dir(disk) + dir)));
      machine_.MakeDirsUnsynced(machine_.dir(disk) + dir);
    }
    Open();
    const ChunkId sealed = MakeSealed(ChunkId(0x101), "abc");
    const ChunkId copied(0x201);
    CopyIn(copied, "def");
    machine_.PowerCut();
    store_.reset();
    machine_.PowerOn();
    Open();
    EXPECT_EQ(ReadAll(sealed).value_or("lost"), "abc") << dir;
    EXPECT_EQ(ReadAll(copied).value_or("lost"), "def") << dir;
    ASSERT_OK(store_->Remove(sealed));
    ASSERT_OK(store_->Remove(copied));
  }
}

TEST_P(ChunkStoreTest, AReplicaWithoutItsChecksumsIsCondemnedByWhoeverNeedsThem) {
  for (const bool fence : {true, false}) {
    const ChunkId chunk = MakeSealed(ChunkId(1), "abc");
    const std::string disk = Find(chunk)->disk().path();
    store_.reset();
    {
      ASSERT_OK_AND_ASSIGN(const auto index, machine_.opener()(disk + "/index", false));
      ReplicaRecord record;
      ASSERT_OK(index->ForEachReplica([&](ReplicaRecord found) {
        record = std::move(found);
        return absl::OkStatus();
      }));
      ASSERT_OK(index->Remove(chunk, WriteMode::kSynced));
      ASSERT_OK(index->PutReplica(record, WriteMode::kSynced));
    }
    Open();
    ASSERT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFinalized);
    const absl::Status status =
        fence ? Find(chunk)->Fence(7).status() : Find(chunk)->Producers().status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kCorrupt) << fence;
    ASSERT_OK(store_->Remove(chunk));
  }
}

TEST_P(ChunkStoreTest, TheRoomOfASealedChunkIsGivenBack) {
  const ChunkId chunk(1);
  ASSERT_OK(store_->Create(Spec(chunk)));
  EXPECT_EQ(Used(), 4u << 20);
  ASSERT_OK(Append(chunk, "abc"));
  ASSERT_OK(Find(chunk)->Finalize(3, Crc32c("abc")));
  EXPECT_EQ(Used(), 3u);
  ASSERT_OK(store_->Remove(chunk));
  EXPECT_EQ(Used(), 0u);
}

// It is here for days, and nobody appends to it.
TEST_P(ChunkStoreTest, TheRoomOfOneThatIsPutAsideIsGivenBack) {
  using enum FaultyFileSystem::Operation;
  const std::string text = RandomText(100'000);
  for (const ReplicaState state : {ReplicaState::kQuarantined, ReplicaState::kStale}) {
    for (const bool cut_fails : {false, true}) {
      SCOPED_TRACE(fmt::format("{} {}", StateName(state), cut_fails));
      const ChunkId chunk(1);
      ReplicaSpec spec = Spec(chunk);
      spec.capacity_bytes = 64 << 20;
      ASSERT_OK(store_->Create(spec));
      ASSERT_OK(Append(chunk, text));
      EXPECT_EQ(Used(), 64u << 20);
      machine_.faults().Fail(kTruncate, "/data/", cut_fails ? EMFILE : 0);
      const absl::Status put_aside =
          state == ReplicaState::kStale
              ? Find(chunk)->Finalize(text.size(), Crc32c(text) ^ 1).status()
              : Find(chunk)->Quarantine();
      EXPECT_OK(put_aside) << "whatever becomes of the space";
      machine_.faults().Fail(kTruncate, "/data/", 0);
      EXPECT_EQ(Find(chunk)->facts().report.state, state);
      EXPECT_EQ(Used(), cut_fails ? 64u << 20 : text.size());
      Open();
      EXPECT_EQ(Find(chunk)->facts().report.state, state);
      EXPECT_EQ(Used(), text.size());
      struct stat info = {};
      ASSERT_EQ(stat(DataPath(chunk).c_str(), &info), 0);
      EXPECT_LT(info.st_blocks * 512, 2 << 20);
      // A right master may take it back.
      ASSERT_OK_AND_ASSIGN(const ReplicaReport back,
                           Find(chunk)->Finalize(text.size(), Crc32c(text)));
      EXPECT_EQ(back.state, ReplicaState::kFinalized);
      EXPECT_EQ(ReadAll(chunk).value(), text);
      EXPECT_EQ(Used(), text.size());
      ASSERT_OK(store_->Remove(chunk));
      EXPECT_EQ(Used(), 0u);
    }
  }
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
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 9}});
  // An order on each of them.
  for (const size_t disk : {0, 1}) ASSERT_OK(store_->Create(Spec(ChunkId(disk + 1)), disk));
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

// Its checksums, and its bytes if it is small, are rows of the index.
TEST_P(ChunkStoreTest, RowsThatTheDiskRefusesOnceCondemnNothing) {
  const std::string text = RandomText(200'000);
  MakeSealed(ChunkId(1), text);
  MakeSealedInIndex(ChunkId(2), "abc");
  for (const auto& [chunk, bytes] : {std::pair(ChunkId(1), text), {ChunkId(2), "abc"}}) {
    SCOPED_TRACE(chunk.value());
    Open();  // nothing of the rows is in memory
    machine_.RefuseRows(true);
    EXPECT_THAT(ReadServed(chunk), StatusIs(absl::StatusCode::kDataLoss)) << "to be reported";
    EXPECT_EQ(Find(chunk)->facts().report.state, ReplicaState::kFinalized);
    const auto works_again = [&] {
      machine_.RefuseRows(false);
      return absl::OkStatus();
    };
    ASSERT_OK_AND_ASSIGN(const Verification good,
                         store_->Verify(chunk, {.before_retry = works_again}));
    EXPECT_EQ(good.outcome, Verification::Outcome::kGood);
    EXPECT_EQ(ReadServed(chunk).value(), bytes);
  }
}

TEST_P(ChunkStoreTest, RowsThatTheDiskRefusesAgainAndAgainCondemnTheirReplica) {
  const ChunkId chunk = MakeSealed(ChunkId(1), RandomText(200'000));
  Open();
  machine_.RefuseRows(true);
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kCondemned);
  for (const DiskStatus& disk : store_->Disks()) EXPECT_OK(disk.health);
  machine_.RefuseRows(false);
  EXPECT_EQ(store_->Verify(chunk).value().outcome, Verification::Outcome::kGood);
}

TEST_P(ChunkStoreTest, ADiskThatRefusesItsRowsAtTheStartIsTriedAgain) {
  if (GetParam() == IndexKind::kMemory) GTEST_SKIP() << "needs reads that fail below the index";
  MakeSealed(ChunkId(1), "abc");
  store_.reset();
  bool refuse = true;
  ChunkStoreOptions options = Options();
  options.open_index = [&](const std::string& path, bool create) {
    // All disks are opened at the same time.
    const std::string first = machine_.dir(0) + "/index/";
    using enum FaultyFileSystem::Operation;
    if (path.starts_with(machine_.dir(0))) machine_.faults().Fail(kRead, first, 0);
    auto index = machine_.opener()(path, create);
    if (path.starts_with(machine_.dir(0)) && refuse) machine_.faults().Fail(kRead, first, EIO);
    return index;
  };
  auto store = ChunkStore::Open(options);
  ASSERT_OK(store);
  store_ = *std::move(store);
  EXPECT_THAT(store_->Disks()[0].health, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_OK(store_->Disks()[1].health);
  refuse = false;
  store_->ReopenDisks();
  EXPECT_OK(store_->Disks()[0].health);
  EXPECT_EQ(ReadServed(ChunkId(1)).value(), "abc");
}

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
