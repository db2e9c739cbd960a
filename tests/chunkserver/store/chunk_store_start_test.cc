// A start with a disk that hangs: the others are served, and it is taken in when it answers.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <future>
#include <map>

#include "common/thread.h"
#include "tests/chunkserver/store/chunk_store_fixture.h"
#include "tests/support/hanging_file_system.h"

namespace quern::chunkserver {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

class ChunkStoreStartTest : public ChunkStoreFixture {
 protected:
  // A sealed chunk on each disk.
  void SetUp() override {
    for (const uint64_t disk : {0u, 1u}) {
      text_[disk] = RandomText(100'000);
      ASSERT_OK(store_->Create(Spec(Chunk(disk)), disk));
      ASSERT_OK(Append(Chunk(disk), text_[disk]));
      ASSERT_OK(Find(Chunk(disk))->Finalize(text_[disk].size(), Crc32c(text_[disk])));
    }
  }
  void TearDown() override {
    files_.Release();
    opening_.Join();
    store_.reset();
  }
  static ChunkId Chunk(uint64_t disk) { return ChunkId(disk + 1); }

  static bool Eventually(const std::function<bool()>& done) {
    const absl::Time give_up = Clock::Real()->MonotonicNow() + kPatience;
    while (!done()) {
      if (Clock::Real()->MonotonicNow() > give_up) return false;
      Clock::Real()->Sleep(absl::Milliseconds(1));
    }
    return true;
  }
  // Restarts while what contains `part` hangs. False: the start waits for it.
  bool StartWhileHanging(const std::string& part, const std::vector<std::string>& more_dirs = {}) {
    store_.reset();
    files_.Hang(part);
    ChunkStoreOptions options = Options();
    options.fs = &files_;
    options.dirs.insert(options.dirs.end(), more_dirs.begin(), more_dirs.end());
    options.disk_patience = absl::Milliseconds(10);  // of a clock that stands still
    std::promise<void> opened;
    auto is_open = opened.get_future();
    opening_ = Thread("open", [this, options, opened = &opened] {
      auto store = ChunkStore::Open(options);
      EXPECT_OK(store);
      if (store.ok()) store_ = *std::move(store);
      opened->set_value();
    });
    EXPECT_TRUE(Eventually([&] { return files_.sleeping() > 0; }));
    clock_.AdvanceTime(absl::Hours(1));
    const bool waits =
        is_open.wait_for(absl::ToChronoSeconds(kPatience / 3)) != std::future_status::ready;
    if (waits) files_.Release();
    opening_.Join();
    return !waits;
  }
  void OpenOnFiles() {
    store_.reset();
    ChunkStoreOptions options = Options();
    options.fs = &files_;
    auto store = ChunkStore::Open(options);
    ASSERT_OK(store);
    store_ = *std::move(store);
  }
  // Does `work` while the files of the second disk hang, until there are so many that are
  // FINALIZED. False: it waits for that disk.
  bool DoneWhileTheSecondHangs(uint64_t finalized, const std::function<void()>& work) {
    files_.Hang(machine_.dir(1) + "/data/");
    opening_ = Thread("work", [work] { work(); });
    const bool done = Eventually([&] {
      return files_.sleeping() > 0 ||
             store_->inventory().Count(ReplicaState::kFinalized) == finalized;
    });
    const bool waits = files_.sleeping() > 0;
    files_.Release();
    opening_.Join();
    return done && !waits;
  }
  bool FirstIsServed() { return ReadServed(Chunk(0)).value_or("") == text_[0]; }

  HangingFileSystem files_{machine_.fs()};
  Thread opening_;
  std::string text_[2];
};

TEST_P(ChunkStoreStartTest, ADiskThatHangsHoldsUpNoOther) {
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0)));
  EXPECT_EQ(ReadServed(Chunk(1)).value(), text_[1]);
  EXPECT_THAT(store_->Find(Chunk(0)), StatusIs(absl::StatusCode::kUnavailable)) << "not lost";
  EXPECT_OK(store_->Create(Spec(ChunkId(9))));
  EXPECT_EQ(store_->DiskOf(ChunkId(9)).value(), 1u);
  store_->ReopenDisks();
  EXPECT_FALSE(store_->Disks()[0].health.ok()) << "nor does anybody wait for it later";
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 1u);
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return FirstIsServed();
  }));
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kFinalized), 2u);
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(store_->Create(Spec(ChunkId(10)), 0));
  EXPECT_EQ(store_->DiskOf(ChunkId(10)).value(), 0u);
}

// Two disks that are mounted the other way round: the one that hangs is expected where the other
// one stands, until it says which one it is.
TEST_P(ChunkStoreStartTest, ADiskThatAnswersLateAtAnotherPlaceIsMissedNoLonger) {
  store_.reset();
  Move(machine_.dir(0), machine_.dir(7));
  Move(machine_.dir(1), machine_.dir(0));
  Move(machine_.dir(7), machine_.dir(1));
  ASSERT_TRUE(StartWhileHanging(machine_.dir(1)));
  EXPECT_EQ(ReadServed(Chunk(1)).value(), text_[1]);
  EXPECT_THAT(store_->Find(Chunk(0)), StatusIs(absl::StatusCode::kUnavailable)) << "not lost";
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return FirstIsServed();
  }));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kNotFound)) << "all are here";
  ASSERT_EQ(store_->Disks().size(), 3u);
  EXPECT_FALSE(store_->Disks()[1].elsewhere);
  EXPECT_TRUE(store_->Disks()[2].elsewhere) << "what stood for it is not to be told of";
}

// It is expected at its place, and another one answers there.
TEST_P(ChunkStoreStartTest, ADiskIsMissedAlsoWhenAnotherOneAnswersLateInItsPlace) {
  store_.reset();
  {
    ChunkStoreOptions options = Options();
    options.dirs.push_back(machine_.dir(2));
    ASSERT_OK(ChunkStore::Open(options));
  }
  Move(machine_.dir(0), machine_.dir(7));
  Move(machine_.dir(2), machine_.dir(0));
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0)));
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return store_->Disks()[0].health.ok();
  }));
  EXPECT_THAT(store_->Find(Chunk(0)), StatusIs(absl::StatusCode::kUnavailable)) << "not lost";
}

TEST_P(ChunkStoreStartTest, NorDoesOneThatHangsWhileItsReplicasAreLoaded) {
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0) + "/data/"));
  EXPECT_EQ(ReadServed(Chunk(1)).value(), text_[1]);
  EXPECT_THAT(store_->Find(Chunk(0)), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kUnavailable));
  store_->ReopenDisks();
  files_.Release();
  EXPECT_TRUE(Eventually([&] { return FirstIsServed(); })) << "as soon as it is loaded";
  EXPECT_TRUE(Eventually([&] { return store_->inventory().Count(ReplicaState::kFinalized) == 2; }));
  EXPECT_EQ(Used(), text_[0].size() + text_[1].size());
}

// It has seen more than the others, and so may the next master have to.
TEST_P(ChunkStoreStartTest, ADiskThatAnswersLateIsUsedWhenItsMasterIsBack) {
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 5}});
  for (const size_t disk : {0u, 1u}) ASSERT_OK(store_->SaveMark(disk));
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 9}});
  ASSERT_OK(store_->SaveMark(0));
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0)));
  EXPECT_EQ(store_->seen_at_start().followed, (FollowedMaster{3, 7, 5}));
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return Message(store_->Disks()[0].health).find("newer master") != std::string::npos;
  }));
  EXPECT_FALSE(FirstIsServed());
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 9}});
  store_->ReopenDisks();
  EXPECT_TRUE(FirstIsServed());
}

// The other one is new, and knows no cluster yet.
TEST_P(ChunkStoreStartTest, ADiskThatAnswersLateIsUsedWhenTheServerKnowsItsCluster) {
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 5}});
  ASSERT_OK(store_->SaveMark(0));
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0)));
  ASSERT_EQ(store_->seen_at_start().cluster_id, "");
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return Message(store_->Disks()[0].health).find("cluster red") != std::string::npos;
  }));
  EXPECT_FALSE(FirstIsServed());
  store_->Follow({.cluster_id = "red", .followed = {3, 7, 5}});
  store_->ReopenDisks();
  EXPECT_TRUE(FirstIsServed());
}

TEST_P(ChunkStoreStartTest, ANewDiskBesideOneThatHangsWaitsForTheNextStart) {
  const std::string empty = machine_.dir(2);
  ASSERT_TRUE(StartWhileHanging(machine_.dir(0), {empty}));
  // The start waited for none of the disks any more, once one of them hung.
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return Message(store_->Disks()[2].health).find("may belong there") != std::string::npos;
  }));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kUnavailable));
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return FirstIsServed();
  }));
  store_->ReopenDisks();
  EXPECT_THAT(Message(store_->Disks()[2].health), ::testing::HasSubstr("restart the server"));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kNotFound))
      << "nothing can be on a new disk";
  store_.reset();
  ChunkStoreOptions options = Options();
  options.dirs.push_back(empty);
  ASSERT_OK_AND_ASSIGN(store_, ChunkStore::Open(options));
  EXPECT_OK(store_->Disks()[2].health);
}

TEST_P(ChunkStoreStartTest, ANewDiskThatHangsWhileItIsFormattedHoldsUpNoOther) {
  const std::string empty = machine_.dir(2);
  ASSERT_TRUE(StartWhileHanging(empty + "/tmp", {empty}));
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return FirstIsServed() && store_->Disks()[1].health.ok();
  }));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kNotFound))
      << "nothing can be on a new disk";
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return Message(store_->Disks()[2].health).find("restart the server") != std::string::npos;
  }));
  EXPECT_THAT(store_->Find(ChunkId(99)), StatusIs(absl::StatusCode::kNotFound))
      << "nor on one that the next start takes in";
  EXPECT_OK(store_->Create(Spec(ChunkId(9)))) << "on one of the others";
  EXPECT_NE(store_->DiskOf(ChunkId(9)).value(), 2u);
  store_.reset();
  ChunkStoreOptions options = Options();
  options.dirs.push_back(empty);
  ASSERT_OK_AND_ASSIGN(store_, ChunkStore::Open(options));
  EXPECT_OK(store_->Disks()[2].health);
}

TEST_P(ChunkStoreStartTest, NorDoesOneBesideWhichTheNoteHangs) {
  const std::string empty = machine_.dir(2);
  const std::string name = std::filesystem::path(empty).filename().string();
  ASSERT_TRUE(StartWhileHanging("/." + name + ".quern-disk", {empty}));
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return FirstIsServed();
  }));
  files_.Release();
  EXPECT_TRUE(Eventually([&] {
    store_->ReopenDisks();
    return Message(store_->Disks()[2].health).find("restart the server") != std::string::npos;
  }));
}

TEST_P(ChunkStoreStartTest, ADiskThatReturnsDoesNotWaitForTheOneThatHasTheWorseReplica) {
  const std::string away = machine_.dir(0);
  Unmount(away);
  OpenOnFiles();
  CopyIn(Chunk(0), text_[0]);
  Find(Chunk(0))->Condemn("for the test").IgnoreError();
  const std::string worse = DataPath(Chunk(0));
  Mount(away);
  EXPECT_TRUE(DoneWhileTheSecondHangs(2, [this] { store_->ReopenDisks(); }));
  EXPECT_EQ(store_->DiskOf(Chunk(0)).value(), 0u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u) << "the master hears at once";
  EXPECT_TRUE(FirstIsServed());
  store_->RemoveReplaced(1);
  EXPECT_FALSE(machine_.fs()->Exists(worse));
}

TEST_P(ChunkStoreStartTest, NorDoesACopyWaitForTheDiskOfWhatItReplaces) {
  OpenOnFiles();
  const std::string replaced = DataPath(Chunk(1));
  Find(Chunk(1))->Condemn("for the test").IgnoreError();
  EXPECT_TRUE(DoneWhileTheSecondHangs(2, [this] { CopyIn(Chunk(1), text_[1], {}, 0); }));
  EXPECT_EQ(store_->DiskOf(Chunk(1)).value(), 0u);
  EXPECT_EQ(store_->inventory().Count(ReplicaState::kCorrupt), 0u);
  store_->RemoveReplaced(1);
  EXPECT_FALSE(machine_.fs()->Exists(replaced));
  EXPECT_EQ(ReadServed(Chunk(1)).value(), text_[1]);
}

// An open replica on a disk that fails, of a chunk that another disk has a worse one of.
TEST_P(ChunkStoreStartTest, NobodyWaitsUntilTheFileOfAReplicaThatIsLetGoIsClosed) {
  using enum FaultyFileSystem::Operation;
  const ChunkId chunk(9);
  ASSERT_OK(store_->Create(Spec(chunk), 0));
  ASSERT_OK(Append(chunk, "abc"));
  const std::string away = machine_.dir(0);
  Unmount(away);
  OpenOnFiles();
  ASSERT_OK(store_->Create(Spec(chunk)));
  ASSERT_OK(Append(chunk, "abcdef"));
  Mount(away);
  store_->ReopenDisks();
  ASSERT_EQ(store_->DiskOf(chunk).value(), 1u);
  const std::string data = machine_.dir(1) + "/data/";
  machine_.faults().Fail(kSync, data, EIO);
  EXPECT_FALSE(Find(chunk)->Sync().ok());
  machine_.faults().Fail(kSync, data, 0);
  ASSERT_FALSE(store_->Disks()[1].health.ok());
  files_.HangOnClose(data);
  opening_ = Thread("remove", [this] { store_->RemoveReplaced(0); });
  EXPECT_TRUE(Eventually([&] { return files_.sleeping() > 0; })) << "it is let go";
  auto size = std::async(std::launch::async, [this] { return store_->size(); });
  EXPECT_EQ(size.wait_for(absl::ToChronoSeconds(kPatience / 3)), std::future_status::ready);
  files_.Release();
  opening_.Join();
  EXPECT_EQ(store_->DiskOf(chunk).value(), 0u);
}

TEST_P(ChunkStoreStartTest, ADiskThatIsOpenCanBeOpenedAnew) {
  store_.reset();
  Disk disk({.path = machine_.dir(0), .fs = machine_.fs(), .open_index = machine_.opener()});
  EXPECT_OK(disk.Open(std::nullopt));
  EXPECT_OK(disk.Open(std::nullopt));
}

TEST(DiskThreadsTest, WhatIsToComeNextIsNotLost) {
  const Disk disk({.path = "/a"});
  std::promise<void> go_on;
  auto goes_on = go_on.get_future();
  std::string done;
  DiskThreads threads(absl::Milliseconds(1));
  threads.Begin(&disk, [&] {
    goes_on.wait();
    done += "first";
  });
  threads.Begin(&disk, [&] { done += " too soon"; });
  threads.BeginNext(&disk, [&] { done += " next"; });
  go_on.set_value();
  threads.Await();
  EXPECT_EQ(done, "first next");
}

// After a number of looks at a time that a disk makes somebody wait, it answers.
class ClockThatIsLookedAt : public SimulatedClock {
 public:
  absl::Time MonotonicNow() override {
    if (waiting_ && ++looks_ == 10) answers_.set_value();
    return SimulatedClock::MonotonicNow();
  }
  void WaitFor(absl::Duration duration) {
    AdvanceTime(duration);
    waiting_ = true;
    answers_.get_future().wait();
  }

 private:
  std::atomic<bool> waiting_ = false;
  std::atomic<int> looks_ = 0;
  std::promise<void> answers_;
};

TEST(DiskThreadsTest, AStartIsPatientWithADiskThatTakesItsTime) {
  ClockThatIsLookedAt clock;
  const Disk disk({.path = "/a", .clock = &clock});
  std::atomic<bool> opened = false;
  DiskThreads threads(absl::Milliseconds(1));
  threads.Begin(&disk, [&] {
    const Disk::Use use(&disk);
    clock.WaitFor(absl::Seconds(30));
    opened = true;
  });
  threads.Await([] { return true; }, kDiskStartPatience);
  EXPECT_TRUE(opened) << "though it hangs by then";
}

// Whoever looks at it has waited for longer than anybody waits for a disk.
class ClockOfAnHourALook : public SimulatedClock {
 public:
  absl::Time MonotonicNow() override {
    AdvanceTime(absl::Hours(1));
    return SimulatedClock::MonotonicNow();
  }
};

// Opened, it does not say again whose it is.
class IndexThatSaysItOnce : public MemoryReplicaIndex {
 public:
  using MemoryReplicaIndex::MemoryReplicaIndex;
  absl::StatusOr<DiskIdentity> LoadIdentity() override {
    if (said_.exchange(true)) return UnavailableError("it was said once");
    return MemoryReplicaIndex::LoadIdentity();
  }

 private:
  std::atomic<bool> said_ = false;
};

// In a process of its own, since the thread in that disk keeps what it uses.
TEST(FailedStoreTest, AStartThatFailsBesideADiskThatHangsSaysWhyAndEnds) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TempDir dir;
  HangingFileSystem files;
  ClockOfAnHourALook clock;
  std::map<std::string, std::shared_ptr<MemoryIndexContents>> contents;
  for (const char* disk : {"hangs", "good"}) {
    ASSERT_OK(FileSystem::Real()->MakeDirs(dir / disk));
    contents[dir / disk + "/index"] = std::make_shared<MemoryIndexContents>();
  }
  ChunkStoreOptions options;
  options.dirs = {dir / "hangs", dir / "good"};
  options.reserve_bytes = 1;
  options.fs = &files;
  options.open_index = [&](const std::string& path,
                           bool) -> absl::StatusOr<std::unique_ptr<ReplicaIndex>> {
    return std::make_unique<MemoryReplicaIndex>(contents.at(path));
  };
  ASSERT_OK(ChunkStore::Open(options));
  options.open_index = [&](const std::string& path,
                           bool) -> absl::StatusOr<std::unique_ptr<ReplicaIndex>> {
    return std::make_unique<IndexThatSaysItOnce>(contents.at(path));
  };
  options.clock = &clock;
  options.disk_patience = absl::Milliseconds(10);
  const auto start_in_vain = [&] {
    alarm(60);  // kills one that waits
    files.Hang(dir / "hangs");
    const bool opened = ChunkStore::Open(options).ok();
    FileSystem::Real()->RemoveTree(dir.path()).IgnoreError();
    _exit(opened ? 0 : 1);
  };
  EXPECT_EXIT(start_in_vain(), testing::ExitedWithCode(1), "store_not_opened.*it was said once");
}

INSTANTIATE_TEST_SUITE_P(Both, ChunkStoreStartTest,
                         ::testing::Values(IndexKind::kRocks, IndexKind::kMemory),
                         [](const auto& kind) {
                           return kind.param == IndexKind::kRocks ? "Rocks" : "Memory";
                         });

}  // namespace
}  // namespace quern::chunkserver
