// What must not happen to a database in silence.
#include "common/storage/rocks.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/storage/file_io.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/random_test.h"
#include "tests/support/rocks_on_files.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern {
namespace {

using testing::HasSubstr;

class RocksTest : public RandomTest {
 protected:
  absl::StatusOr<std::unique_ptr<RocksDb>> Open(bool create = false) {
    return OpenRocks({.path = path_, .create = create, .column_families = {"rows", "log"}});
  }
  void Put(RocksDb* db, std::string_view family, const std::string& key, RocksSync sync) {
    rocksdb::WriteBatch batch;
    ASSERT_OK(FromRocks(batch.Put(db->ColumnFamily(family), key, std::string(100, 'v'))));
    ASSERT_OK(db->Write(&batch, sync));
  }
  // A database of `n` rows, synced by the last one.
  void Fill(int n) {
    ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
    for (int i = 0; i < n; ++i) {
      Put(db.get(), "rows", fmt::format("{:04}", i),
          i + 1 < n ? RocksSync::kLater : RocksSync::kNow);
    }
  }
  std::vector<std::string> FilesEndingIn(std::string_view suffix) {
    std::vector<std::string> paths;
    const auto names = fs_->List(path_);
    EXPECT_OK(names);
    for (const std::string& name : *names) {
      if (name.ends_with(suffix)) paths.push_back(path_ + "/" + name);
    }
    return paths;
  }
  int CountRows() {
    const auto db = Open();
    if (!db.ok()) return -1;
    std::unique_ptr<rocksdb::Iterator> row(
        (**db)->NewIterator(rocksdb::ReadOptions(), (*db)->ColumnFamily("rows")));
    int rows = 0;
    for (row->SeekToFirst(); row->Valid(); row->Next()) ++rows;
    return row->status().ok() ? rows : -1;
  }

  FileSystem* const fs_ = FileSystem::Real();
  TempDir dir_;
  const std::string path_ = dir_ / "db";
};

TEST_F(RocksTest, OnlyTheFirstFormatMakesADatabase) {
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no database there")));
  EXPECT_FALSE(fs_->Exists(path_));
  ASSERT_OK(Open(true));
  EXPECT_THAT(Open(true), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(Open());
}

TEST_F(RocksTest, RowsComeBackAfterReopening) {
  Fill(200);
  EXPECT_EQ(CountRows(), 200);
}

TEST_F(RocksTest, ANewColumnFamilyIsAddedToAnOldDatabase) {
  Fill(3);
  ASSERT_OK_AND_ASSIGN(const auto db,
                       OpenRocks({.path = path_, .column_families = {"rows", "log", "extra"}}));
  EXPECT_NE(db->ColumnFamily("extra"), nullptr);
}

TEST_F(RocksTest, TheSameDatabaseIsNotOpenedTwice) {
  ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
  EXPECT_FALSE(Open().ok());
}

TEST_F(RocksTest, AFlippedBitInTheLogIsRefusedAndNeverShortensIt) {
  Fill(200);
  const std::vector<std::string> logs = FilesEndingIn(".log");
  ASSERT_EQ(logs.size(), 1u);
  const std::string good = *ReadFileToString(fs_, logs[0]);
  for (int round = 0; round < 30; ++round) {
    std::string bad = good;
    // Not in the last record: there it looks like a crash in the middle of a write.
    const size_t at = Below(bad.size() - 300);
    bad[at] = static_cast<char>(bad[at] ^ (1 << Below(8)));
    std::ofstream(logs[0]) << bad;
    const int rows = CountRows();
    EXPECT_TRUE(rows == -1 || rows == 200) << rows << " rows, bit flipped at " << at;
    if (rows == 200) break;  // opening moved the log's contents into a table
  }
}

// What is on the disk after a crash: the log of some synced and then some unsynced rows, so many in
// all, synced with the last write or after it. RocksDB reads a log in blocks of 32 KiB.
class CrashedRocksTest : public RocksTest,
                         public ::testing::WithParamInterface<std::tuple<int, bool>> {
 protected:
  static constexpr int kSynced = 50;

  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
    for (int i = 0; i < rows_; ++i) {
      if (i == kSynced) synced_bytes_ = LogBytes().size();
      const bool sync = i + 1 == kSynced;
      Put(db.get(), "rows", fmt::format("{:04}", i),
          sync && !sync_after_ ? RocksSync::kNow : RocksSync::kLater);
      if (sync && sync_after_) {
        ASSERT_OK(db->Sync());
      }
    }
    std::filesystem::copy(path_, crashed_);
  }
  std::string LogBytes() {
    const std::vector<std::string> logs = FilesEndingIn(".log");
    EXPECT_EQ(logs.size(), 1u);
    return *ReadFileToString(fs_, logs[0]);
  }
  // How many rows there are when the crashed log reads like that; -1: it is refused.
  int RowsAfter(const std::string& log) {
    std::filesystem::remove_all(path_);
    std::filesystem::copy(crashed_, path_);
    std::ofstream(FilesEndingIn(".log").at(0)) << log;
    return CountRows();
  }

  const int rows_ = std::get<0>(GetParam());
  const bool sync_after_ = std::get<1>(GetParam());
  const std::string crashed_ = dir_ / "crashed";
  size_t synced_bytes_ = 0;
};

TEST_P(CrashedRocksTest, PagesMissingInTheUnsyncedEndCostNoSyncedRow) {
  const std::string good = LogBytes();
  ASSERT_EQ(RowsAfter(good), rows_);
  for (int round = 0; round < 50; ++round) {
    std::string torn = good;
    for (size_t begin = synced_bytes_; begin < torn.size(); begin = (begin / 4096 + 1) * 4096) {
      const size_t end = std::min((begin / 4096 + 1) * 4096, torn.size());
      if (OneIn(3)) std::fill(torn.begin() + begin, torn.begin() + end, '\0');
    }
    EXPECT_GE(RowsAfter(torn), kSynced) << "round " << round << ", seed " << seed();
  }
}

TEST_P(CrashedRocksTest, DamageInTheSyncedPartIsRefused) {
  const std::string good = LogBytes();
  for (int round = 0; round < 50; ++round) {
    std::string bad = good;
    const size_t at = Below(synced_bytes_);
    if (OneIn(2)) {
      const size_t sector = at / 512 * 512;
      std::fill(bad.begin() + sector, bad.begin() + std::min(sector + 512, synced_bytes_), '\0');
    } else {
      bad[at] = static_cast<char>(bad[at] ^ (1 << Below(8)));
    }
    const int rows = RowsAfter(bad);
    EXPECT_TRUE(rows == -1 || rows == rows_) << rows << " rows, damage at " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(LogsOfOneBlockAndOfMany, CrashedRocksTest,
                         ::testing::Combine(::testing::Values(80, 400), ::testing::Bool()));

TEST_F(RocksTest, ALogThatEndsInTheMiddleOfARecordOpensWithAllBefore) {
  Fill(200);
  const std::vector<std::string> logs = FilesEndingIn(".log");
  ASSERT_EQ(logs.size(), 1u);
  const std::string good = *ReadFileToString(fs_, logs[0]);
  // Behind the last row is the mark of the closing, some 60 bytes.
  std::ofstream(logs[0]) << good.substr(0, good.size() - 100);
  EXPECT_EQ(CountRows(), 199);
}

// Users store what they like, a copy of a database with longer logs too.
TEST_F(RocksTest, BytesOfAUserAreNeverAMark) {
  const std::string other = dir_ / "other";
  {
    ASSERT_OK_AND_ASSIGN(const auto db,
                         OpenRocks({.path = other, .create = true, .column_families = {"rows"}}));
    for (int i = 0; i < 100; ++i) Put(db.get(), "rows", "k", RocksSync::kNow);
  }
  std::string log;
  for (const auto& file : std::filesystem::directory_iterator(other)) {
    if (file.path().extension() == ".log") log += *ReadFileToString(fs_, file.path().string());
  }
  ASSERT_FALSE(log.empty());
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
    rocksdb::WriteBatch batch;
    ASSERT_OK(FromRocks(batch.Put(db->ColumnFamily("rows"), "copy", log)));
    ASSERT_OK(db->Write(&batch, RocksSync::kNow));
  }
  EXPECT_OK(Open());
}

// As a process leaves it that is killed in the middle of the first format, or an older version did.
TEST_F(RocksTest, ADatabaseWithoutItsMarkKeyGetsOne) {
  const std::string key = path_ + "/MARK";
  Fill(20);
  const std::string first = *ReadFileToString(fs_, key);
  for (const std::string& damaged : {std::string(), first.substr(1), "x" + first.substr(1)}) {
    ASSERT_OK(fs_->Remove(key));
    if (!damaged.empty()) std::ofstream(key) << damaged;
    EXPECT_EQ(CountRows(), 20);
    const std::string made = *ReadFileToString(fs_, key);
    EXPECT_EQ(made.size(), first.size());
    EXPECT_NE(made, damaged);
    EXPECT_EQ(CountRows(), 20);
    EXPECT_EQ(*ReadFileToString(fs_, key), made) << "it stays";
  }
}

TEST_F(RocksTest, AMissingTableOrManifestIsRefused) {
  Fill(10);
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Open());
    ASSERT_OK(FromRocks((*db)->Flush(rocksdb::FlushOptions(), db->ColumnFamily("rows"))));
  }
  const std::vector<std::string> tables = FilesEndingIn(".sst");
  ASSERT_FALSE(tables.empty());
  for (const std::string& table : tables) ASSERT_OK(fs_->Remove(table));
  EXPECT_FALSE(Open().ok());
}

// A log that was closed and synced is in the manifest; without it the database does not open.
TEST_F(RocksTest, ADeletedClosedLogIsRefused) {
  {
    ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
    Put(db.get(), "rows", "k", RocksSync::kNow);
    // A flush of another family begins a new log; the old one stays for the sake of "rows".
    Put(db.get(), "log", "k", RocksSync::kNow);
    ASSERT_OK(FromRocks((*db)->Flush(rocksdb::FlushOptions(), db->ColumnFamily("log"))));
    Put(db.get(), "rows", "l", RocksSync::kNow);
  }
  const std::vector<std::string> logs = FilesEndingIn(".log");
  ASSERT_EQ(logs.size(), 2u);
  ASSERT_OK(fs_->Remove(logs[0]));
  EXPECT_FALSE(Open().ok());
}

TEST_F(RocksTest, StatusesKeepTheirMeaning) {
  EXPECT_OK(FromRocks(rocksdb::Status::OK()));
  EXPECT_THAT(FromRocks(rocksdb::Status::NotFound()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FromRocks(rocksdb::Status::Corruption("x")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(FromRocks(rocksdb::Status::NoSpace()),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(FromRocks(rocksdb::Status::IOError("x")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(FromRocks(rocksdb::Status::IOError("x", std::strerror(ENODEV))),
              StatusIs(absl::StatusCode::kInternal))
      << "as of any other file";
  EXPECT_THAT(FromRocks(rocksdb::Status::Busy()), StatusIs(absl::StatusCode::kUnavailable));
}

// --- Full disks, and what a process may lack.

class TroubledRocksTest : public RocksTest {
 protected:
  static constexpr uint64_t kReserve = uint64_t{1} << 20;

  absl::StatusOr<std::unique_ptr<RocksDb>> OpenTroubled(bool create = false) {
    return OpenRocks({.path = path_,
                      .create = create,
                      .column_families = {"rows", "log"},
                      .reserve_bytes = kReserve,
                      .fs = &faulty_,
                      .env = env_.get()});
  }
  absl::Status TryPut(RocksDb* db, const std::string& key) {
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(FromRocks(batch.Put(db->ColumnFamily("rows"), key, "v")));
    return db->Write(&batch, RocksSync::kNow);
  }

  FaultyFileSystem faulty_;
  const std::unique_ptr<rocksdb::Env> env_ = NewRocksEnv(&faulty_);
};

TEST_F(TroubledRocksTest, AFullDiskIsSaidBeforeAnythingIsOpened) {
  { ASSERT_OK(OpenTroubled(true)); }
  ASSERT_TRUE(fs_->Exists(path_ + ".reserve"));
  faulty_.SetFreeBytes(100'000);
  EXPECT_THAT(OpenTroubled(), StatusIs(absl::StatusCode::kResourceExhausted,
                                       HasSubstr("the disk is full: 100000 bytes are free")));
  EXPECT_FALSE(fs_->Exists(path_ + ".reserve")) << "given back, though it did not suffice";
  faulty_.SetFreeBytes(std::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto db, OpenTroubled());
  EXPECT_FALSE(db->Full());
  EXPECT_TRUE(fs_->Exists(path_ + ".reserve")) << "taken again";
}

TEST_F(TroubledRocksTest, AFullDiskIsWrittenToOutOfTheReserve) {
  ASSERT_OK_AND_ASSIGN(auto db, OpenTroubled(true));
  ASSERT_OK(TryPut(db.get(), "before"));
  // Full until the reserve is given back.
  faulty_.SetFreeBytes(0);
  faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", ENOSPC);
  faulty_.OnRemove([&](const std::string& path) {
    if (path == path_ + ".reserve") {
      faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", 0);
    }
  });
  EXPECT_FALSE(db->Full()) << "not yet known";
  EXPECT_OK(TryPut(db.get(), "during"));
  EXPECT_TRUE(db->Full());
  EXPECT_OK(TryPut(db.get(), "more"));
  faulty_.SetFreeBytes(std::nullopt);
  EXPECT_FALSE(db->Full());
  EXPECT_TRUE(fs_->Exists(path_ + ".reserve"));
  db.reset();
  EXPECT_EQ(CountRows(), 3);
}

// A line of RocksDB's own log that did not fit on a full disk would end the process with the next
// one.
TEST_F(TroubledRocksTest, NoLogFileOfItsOwnIsBesideADatabase) {
  ASSERT_OK_AND_ASSIGN(const auto db, OpenTroubled(true));
  ASSERT_OK(TryPut(db.get(), "a"));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, fs_->List(path_));
  for (const std::string& name : names) EXPECT_FALSE(name.starts_with("LOG")) << name;
}

// RocksDB begins no new log by itself when there is nothing in memory.
TEST_F(TroubledRocksTest, AFullDiskRightAfterAFlushIsWrittenToOutOfTheReserve) {
  ASSERT_OK_AND_ASSIGN(auto db, OpenTroubled(true));
  ASSERT_OK(TryPut(db.get(), "before"));
  for (const char* family : {"default", "rows", "log"}) {
    ASSERT_OK(FromRocks((*db)->Flush(rocksdb::FlushOptions(), db->ColumnFamily(family))));
  }
  faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", ENOSPC);
  faulty_.OnRemove([&](const std::string& path) {
    if (path == path_ + ".reserve") {
      faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", 0);
    }
  });
  EXPECT_OK(TryPut(db.get(), "during"));
  EXPECT_OK(TryPut(db.get(), "more"));
  db.reset();
  EXPECT_EQ(CountRows(), 3);
}

TEST_F(TroubledRocksTest, WhenTheReserveDoesNotHelpThatIsAnErrorAndWritesGoOnLater) {
  ASSERT_OK_AND_ASSIGN(auto db, OpenTroubled(true));
  for (int round = 0; round < 2; ++round) {
    faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", ENOSPC);
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(TryPut(db.get(), "during"), StatusIs(absl::StatusCode::kResourceExhausted));
    }
    faulty_.Fail(FaultyFileSystem::Operation::kWrite, path_ + "/", 0);
    EXPECT_OK(TryPut(db.get(), fmt::format("after {}", round)));
  }
  db.reset();
  EXPECT_EQ(CountRows(), 2);
}

TEST_F(TroubledRocksTest, ASyncThatFindsTheDiskFullIsDoneOutOfTheReserve) {
  ASSERT_OK_AND_ASSIGN(auto db, OpenTroubled(true));
  Put(db.get(), "rows", "before", RocksSync::kLater);
  faulty_.SetFreeBytes(0);
  faulty_.Fail(FaultyFileSystem::Operation::kSync, path_ + "/", ENOSPC);
  faulty_.OnRemove([&](const std::string& path) {
    if (path == path_ + ".reserve") {
      faulty_.Fail(FaultyFileSystem::Operation::kSync, path_ + "/", 0);
    }
  });
  EXPECT_OK(db->Sync());
  EXPECT_TRUE(db->Full());
  EXPECT_OK(TryPut(db.get(), "more"));
  db.reset();
  EXPECT_EQ(CountRows(), 2);
}

TEST_F(TroubledRocksTest, AfterASyncThatFailedNothingIsCalledDurable) {
  ASSERT_OK_AND_ASSIGN(auto db, OpenTroubled(true));
  Put(db.get(), "rows", "before", RocksSync::kLater);
  faulty_.Fail(FaultyFileSystem::Operation::kSync, path_ + "/", EIO);
  EXPECT_FALSE(db->Sync().ok());
  faulty_.Fail(FaultyFileSystem::Operation::kSync, path_ + "/", 0);
  EXPECT_FALSE(db->Sync().ok()) << "the kernel may have dropped what it could not write";
}

TEST_F(TroubledRocksTest, WhatTheProcessLacksAtAnOpeningIsNoDamage) {
  { ASSERT_OK(OpenTroubled(true)); }
  for (const int error : {EMFILE, ENFILE, ENOMEM, EACCES}) {
    SCOPED_TRACE(std::strerror(error));
    faulty_.Fail(FaultyFileSystem::Operation::kOpen, path_ + "/", error);
    const absl::Status status = OpenTroubled().status();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(absl::IsDataLoss(status)) << status;
    faulty_.Fail(FaultyFileSystem::Operation::kOpen, path_ + "/", 0);
    ASSERT_OK(OpenTroubled());
  }
}

}  // namespace
}  // namespace quern
