#include "tests/support/forgetful_file_system.h"

#include <map>
#include <optional>

#include "common/storage/rocks.h"
#include "tests/support/random_test.h"
#include "tests/support/rocks_on_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::ElementsAre;

class ForgetfulFileSystemTest : public RandomTest {
 protected:
  ForgetfulFileSystemTest() { EXPECT_OK(fs_.MakeDirs(dir_ / "d")); }

  std::unique_ptr<File> Create(const std::string& path) {
    auto file = fs_.Open(path, {.write = true, .create = true});
    EXPECT_OK(file);
    return std::move(*file);
  }
  void PowerCycle(Random* keep_some = nullptr) {
    fs_.PowerCut(keep_some);
    fs_.PowerOn();
  }
  std::string Read(const std::string& path) {
    const auto bytes = ReadFileToString(&fs_, path);
    return bytes.ok() ? *bytes : std::string(Message(bytes.status()));
  }

  TempDir dir_;
  ForgetfulFileSystem fs_{dir_ / "memory"};
  const std::string a_ = dir_ / "d/a";
  const std::string b_ = dir_ / "d/b";
};

TEST_F(ForgetfulFileSystemTest, KeepsWhatWasSyncedAndDropsTheRest) {
  const auto file = Create(a_);
  ASSERT_OK(file->Pwrite("synced", 0));
  ASSERT_OK(file->Datasync());
  ASSERT_OK(fs_.SyncDir(dir_ / "d"));
  ASSERT_OK(file->Pwrite("SY", 0));
  ASSERT_OK(file->Pwrite(" and more", 6));
  EXPECT_EQ(Read(a_), "SYnced and more");
  PowerCycle();
  EXPECT_EQ(Read(a_), "synced");
}

TEST_F(ForgetfulFileSystemTest, ASyncedFileWithoutASyncedNameIsLost) {
  const auto file = Create(a_);
  ASSERT_OK(file->Pwrite("synced", 0));
  ASSERT_OK(file->Datasync());
  PowerCycle();
  EXPECT_FALSE(fs_.Exists(a_));
}

TEST_F(ForgetfulFileSystemTest, ASyncedNameKeepsOnlySyncedBytes) {
  const auto file = Create(a_);
  ASSERT_OK(file->Pwrite("not synced", 0));
  ASSERT_OK(fs_.SyncDir(dir_ / "d"));
  PowerCycle();
  EXPECT_EQ(Read(a_), "");
}

TEST_F(ForgetfulFileSystemTest, RemovalsAndRenamesAreUndoneUnlessSynced) {
  ASSERT_OK(WriteFileDurably(&fs_, a_, "one"));
  ASSERT_OK(WriteFileDurably(&fs_, b_, "two"));
  ASSERT_OK(fs_.Remove(b_));
  ASSERT_OK(fs_.Rename(a_, b_));
  PowerCycle();
  EXPECT_EQ(Read(a_), "one");
  EXPECT_EQ(Read(b_), "two");
  ASSERT_OK(fs_.Rename(a_, b_));
  ASSERT_OK(fs_.SyncDir(dir_ / "d"));
  PowerCycle();
  EXPECT_FALSE(fs_.Exists(a_));
  EXPECT_EQ(Read(b_), "one");
}

TEST_F(ForgetfulFileSystemTest, ATruncatedFileComesBackWhole) {
  ASSERT_OK(WriteFileDurably(&fs_, a_, std::string(10'000, 'x')));
  {
    ASSERT_OK_AND_ASSIGN(const auto file, fs_.Open(a_, {.write = true}));
    ASSERT_OK(file->Truncate(5));
    ASSERT_OK(file->Pwrite("yyy", 9'000));
  }
  PowerCycle();
  EXPECT_EQ(Read(a_), std::string(10'000, 'x'));
  ASSERT_OK(fs_.Open(a_, {.write = true, .truncate = true}));
  PowerCycle();
  EXPECT_EQ(Read(a_), std::string(10'000, 'x'));
}

TEST_F(ForgetfulFileSystemTest, ARemovedTreeComesBack) {
  ASSERT_OK(WriteFileDurably(&fs_, a_, "one"));
  ASSERT_OK(fs_.RemoveTree(dir_ / "d"));
  PowerCycle();
  EXPECT_EQ(Read(a_), "one");
  ASSERT_OK(fs_.RemoveTree(dir_ / "d"));
  ASSERT_OK(fs_.SyncDir(dir_.path()));
  PowerCycle();
  EXPECT_FALSE(fs_.Exists(a_));
}

TEST_F(ForgetfulFileSystemTest, ADirectoryWithoutASyncedNameIsLostWithAllInIt) {
  for (const bool made_again : {false, true}) {
    const std::string e = dir_ / "d/e";
    fs_.MakeDirsUnsynced(e);
    ASSERT_OK(WriteFileDurably(&fs_, e + "/f", "synced"));
    if (made_again) {
      ASSERT_OK(fs_.MakeDirs(e));
    }
    PowerCycle();
    EXPECT_EQ(fs_.Exists(e), made_again);
  }
}

TEST_F(ForgetfulFileSystemTest, FilesFromBeforeAreKept) {
  ASSERT_OK(WriteFileDurably(FileSystem::Real(), a_, "before"));
  ASSERT_OK_AND_ASSIGN(const auto file, fs_.Open(a_, {.write = true}));
  ASSERT_OK(file->Pwrite("AFTER!", 0));
  PowerCycle();
  EXPECT_EQ(Read(a_), "before");
}

TEST_F(ForgetfulFileSystemTest, TheDeadCannotWrite) {
  const auto file = Create(a_);
  ASSERT_OK(fs_.SyncDir(dir_ / "d"));
  fs_.PowerCut();
  EXPECT_THAT(fs_.Open(a_, {}), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(fs_.Remove(a_), StatusIs(absl::StatusCode::kDataLoss));
  fs_.PowerOn();
  EXPECT_THAT(file->Pwrite("ghost", 0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(file->Datasync(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(Read(a_), "");
}

TEST_F(ForgetfulFileSystemTest, WriteFileDurablyIsOldOrNewWhateverIsKept) {
  ASSERT_OK(WriteFileDurably(&fs_, a_, "old"));
  for (int round = 0; round < 50; ++round) {
    ASSERT_OK(WriteFileDurably(&fs_, a_, fmt::format("new{}", round)));
    PowerCycle(&random_);
    EXPECT_EQ(Read(a_), fmt::format("new{}", round));
  }
}

// A file of random writes, cuts and syncs against a model: after every power cut each byte is the
// synced one, or, where it was written since, the written one or a hole.
TEST_F(ForgetfulFileSystemTest, RandomWritesSurviveAsTheModelSays) {
  std::string synced;
  std::string now;
  auto file = Create(a_);
  ASSERT_OK(fs_.SyncDir(dir_ / "d"));
  for (int step = 0; step < 400; ++step) {
    const uint64_t offset = Below(30'000);
    if (OneIn(10)) {
      ASSERT_OK(file->Truncate(offset));
      now.resize(offset);
    } else if (OneIn(8)) {
      ASSERT_OK(file->Datasync());
      synced = now;
    } else if (OneIn(8)) {
      PowerCycle();
      ASSERT_EQ(Read(a_), synced);
      now = synced;
      file = Create(a_);
    } else {
      const std::string bytes = RandomBytes(Below(9'000));
      ASSERT_OK(file->Pwrite(bytes, offset));
      now.resize(std::max(now.size(), bytes.empty() ? now.size() : offset + bytes.size()));
      now.replace(bytes.empty() ? 0 : offset, bytes.size(), bytes);
    }
    ASSERT_EQ(Read(a_), now);
  }
}

TEST_F(ForgetfulFileSystemTest, APartialCutTouchesOnlyUnsyncedBytes) {
  for (int round = 0; round < 30; ++round) {
    ASSERT_OK(WriteFileDurably(&fs_, a_, std::string(20'000, 's')));
    {
      ASSERT_OK_AND_ASSIGN(const auto file, fs_.Open(a_, {.write = true}));
      ASSERT_OK(file->Pwrite(std::string(6'000, 'u'), 8'192));   // two pages
      ASSERT_OK(file->Pwrite(std::string(9'000, 'u'), 20'000));  // beyond the end
    }
    PowerCycle(&random_);
    const std::string bytes = Read(a_);
    ASSERT_GE(bytes.size(), 20'000u);
    ASSERT_LE(bytes.size(), 29'000u);
    EXPECT_EQ(bytes.substr(0, 8'192), std::string(8'192, 's'));
    EXPECT_EQ(bytes.substr(14'192, 5'808), std::string(5'808, 's'));
    // Appended bytes, or a page that never reached the disk.
    for (size_t at = 20'000; at < bytes.size(); ++at) {
      const char page = bytes[std::max<size_t>(20'000, at / 4096 * 4096)];
      ASSERT_TRUE(page == 'u' || page == '\0');
      ASSERT_EQ(bytes[at], page) << at;
    }
  }
}

class RocksPowerCutTest : public ForgetfulFileSystemTest {
 protected:
  std::unique_ptr<RocksDb> Open(bool create) {
    auto db = OpenRocks(
        {.path = dir_ / "db", .create = create, .column_families = {"rows"}, .env = env_.get()});
    EXPECT_OK(db);
    return db.ok() ? std::move(*db) : nullptr;
  }
  void Put(RocksDb* db, int key, RocksSync sync) {
    rocksdb::WriteBatch batch;
    ASSERT_OK(FromRocks(
        batch.Put(db->ColumnFamily("rows"), fmt::format("{:06}", key), std::string(100, 'v'))));
    ASSERT_OK(db->Write(&batch, sync));
  }
  int CountRows(RocksDb* db) {
    std::unique_ptr<rocksdb::Iterator> row(
        (*db)->NewIterator(rocksdb::ReadOptions(), db->ColumnFamily("rows")));
    int rows = 0;
    for (row->SeekToFirst(); row->Valid(); row->Next()) {
      EXPECT_EQ(row->key().ToString(), fmt::format("{:06}", rows));
      ++rows;
    }
    EXPECT_OK(FromRocks(row->status()));
    return rows;
  }
  std::unique_ptr<rocksdb::Env> env_ = NewRocksEnv(&fs_);
};

TEST_F(RocksPowerCutTest, SyncedWritesSurviveAndLaterOnesAreForgotten) {
  auto db = Open(true);
  for (int key = 0; key < 50; ++key) Put(db.get(), key, RocksSync::kNow);
  for (int key = 50; key < 80; ++key) Put(db.get(), key, RocksSync::kLater);
  EXPECT_EQ(CountRows(db.get()), 80);
  fs_.PowerCut();
  db.reset();
  fs_.PowerOn();
  db = Open(false);
  ASSERT_NE(db, nullptr);
  EXPECT_EQ(CountRows(db.get()), 50);
}

TEST_F(RocksPowerCutTest, EveryPowerCutLeavesAPrefixWithAllSyncedWrites) {
  auto db = Open(true);
  int synced = 0;
  int written = 0;
  for (int round = 0; round < 20; ++round) {
    for (uint64_t n = Below(40); n > 0; --n) {
      const bool sync = OneIn(5);
      Put(db.get(), written++, sync ? RocksSync::kNow : RocksSync::kLater);
      if (sync) synced = written;
    }
    if (OneIn(4)) {
      ASSERT_OK(FromRocks((*db)->Flush(rocksdb::FlushOptions(), db->ColumnFamily("rows"))));
    }
    fs_.PowerCut(OneIn(2) ? &random_ : nullptr);
    db.reset();
    fs_.PowerOn();
    db = Open(false);
    ASSERT_NE(db, nullptr) << "seed " << seed();
    const int rows = CountRows(db.get());
    ASSERT_GE(rows, synced);
    ASSERT_LE(rows, written);
    written = rows;
    synced = rows;
  }
}

}  // namespace
}  // namespace quern
