// What must not happen to a database in silence (design: "traps" of RocksDB 7.8).
#include "common/rocks.h"

#include <fstream>

#include "common/file_io.h"
#include "tests/support/random_test.h"
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
  // A database of `n` rows, synced by the last one.
  void Fill(int n) {
    ASSERT_OK_AND_ASSIGN(const auto db, Open(true));
    for (int i = 0; i < n; ++i) {
      ASSERT_OK(FromRocks((*db)->Put(i + 1 < n ? UnsyncedWrite() : SyncedWrite(),
                                     db->ColumnFamily("rows"), fmt::format("{:04}", i),
                                     std::string(100, 'v'))));
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

TEST_F(RocksTest, ALogThatEndsInTheMiddleOfARecordOpensWithAllBefore) {
  Fill(200);
  const std::vector<std::string> logs = FilesEndingIn(".log");
  ASSERT_EQ(logs.size(), 1u);
  const std::string good = *ReadFileToString(fs_, logs[0]);
  std::ofstream(logs[0]) << good.substr(0, good.size() - 20);
  EXPECT_EQ(CountRows(), 199);
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
    ASSERT_OK(FromRocks((*db)->Put(SyncedWrite(), db->ColumnFamily("rows"), "k", "v")));
    // A flush of another family begins a new log; the old one stays for the sake of "rows".
    ASSERT_OK(FromRocks((*db)->Put(SyncedWrite(), db->ColumnFamily("log"), "k", "v")));
    ASSERT_OK(FromRocks((*db)->Flush(rocksdb::FlushOptions(), db->ColumnFamily("log"))));
    ASSERT_OK(FromRocks((*db)->Put(SyncedWrite(), db->ColumnFamily("rows"), "l", "w")));
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
  EXPECT_THAT(FromRocks(rocksdb::Status::Busy()), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace quern
