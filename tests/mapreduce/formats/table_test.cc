// Sorted tables: written by a job, looked up, scanned, and read by the next job.
#include <gtest/gtest.h>

#include <map>

#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"
#include "mapreduce/formats/sorted_table.h"
#include "tests/mapreduce/engine/memory_storage.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"

namespace quern::mr {
namespace {

using Table = std::map<std::string, std::string>;

class TableTest : public RandomTest {
 protected:
  static absl::StatusOr<std::string> Write(
      const std::vector<std::pair<std::string, std::string>>& records, const std::string& codec) {
    std::string bytes;
    OutputFile file(std::make_unique<StringWritable>(&bytes));
    ASSIGN_OR_RETURN(const auto writer,
                     (*FindOutputFormat("table"))->Open({.codec = codec}, &file));
    for (const auto& [key, value] : records) RETURN_IF_ERROR(writer->Append(key, value));
    RETURN_IF_ERROR(writer->Close());
    RETURN_IF_ERROR(file.Close());
    return bytes;
  }

  std::string SomeBytes(size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(Below(256));
    return bytes;
  }
  Table SomeTable(size_t records) {
    Table table;
    for (size_t i = 0; i < records; ++i) table[SomeBytes(Below(12))] = SomeBytes(Below(300));
    return table;
  }
};

TEST_F(TableTest, FindsEveryKeyAndNoOther) {
  for (const char* codec : {"none", "lz4", "zstd", ""}) {
    const Table table = SomeTable(3000);
    ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({table.begin(), table.end()}, codec));
    ASSERT_OK_AND_ASSIGN(const auto read,
                         SortedTable::Open(std::make_unique<MemoryFile>(bytes, 5000)));
    std::string value;
    for (const auto& [key, expected] : table) {
      ASSERT_OK_AND_ASSIGN(const bool found, read->Get(key, &value));
      ASSERT_TRUE(found);
      ASSERT_EQ(value, expected);
    }
    for (int i = 0; i < 300; ++i) {
      const std::string key = SomeBytes(Below(12));
      ASSERT_OK_AND_ASSIGN(const bool found, read->Get(key, &value));
      ASSERT_EQ(found, table.count(key) > 0);
    }
  }
}

TEST_F(TableTest, ScansFromAnyKeyInOrder) {
  const Table table = SomeTable(2000);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({table.begin(), table.end()}, "zstd"));
  ASSERT_OK_AND_ASSIGN(const auto read,
                       SortedTable::Open(std::make_unique<MemoryFile>(bytes, 5000)));
  for (int i = 0; i < 50; ++i) {
    const std::string from = SomeBytes(Below(5));
    auto expected = table.lower_bound(from);
    const auto cursor = read->NewCursor();
    for (bool more = cursor->Seek(from); more; more = cursor->Next(), ++expected) {
      ASSERT_NE(expected, table.end());
      ASSERT_EQ(cursor->key(), expected->first);
      ASSERT_EQ(cursor->value(), expected->second);
    }
    ASSERT_OK(cursor->status());
    ASSERT_EQ(expected, table.end());
  }
}

TEST_F(TableTest, IsAnInputToo) {
  const Table table = SomeTable(2000);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({table.begin(), table.end()}, "lz4"));
  MemoryFile file(bytes, 5000);
  ASSERT_OK_AND_ASSIGN(const auto reader,
                       (*FindInputFormat("table"))->Open({}, &file, 0, file.length()));
  uint64_t number = 0;
  for (const auto& [key, value] : table) {
    ASSERT_TRUE(reader->Next());
    ASSERT_EQ(reader->key(), key);
    ASSERT_EQ(reader->value(), value);
    ASSERT_EQ(reader->offset(), number++);
  }
  EXPECT_FALSE(reader->Next());
  EXPECT_OK(reader->status());
  EXPECT_THAT((*FindInputFormat("table"))->Open({}, &file, 10, 10),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TableTest, ATableWithoutRecordsIsAnEmptyFile) {
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({}, "zstd"));
  EXPECT_EQ(bytes, "");
  ASSERT_OK_AND_ASSIGN(const auto read,
                       SortedTable::Open(std::make_unique<MemoryFile>(bytes, 5000)));
  std::string value;
  ASSERT_OK_AND_ASSIGN(const bool found, read->Get("", &value));
  EXPECT_FALSE(found);
  EXPECT_FALSE(read->NewCursor()->Seek(""));
}

TEST_F(TableTest, RefusesKeysThatComeTwiceOrOutOfOrder) {
  const auto twice = Write({{"a", "1"}, {"a", "2"}}, "none");
  EXPECT_THAT(twice, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(Message(twice.status()).find("key 'a' comes twice"), std::string::npos);
  const auto back = Write({{"b", "1"}, {"a", "2"}}, "none");
  EXPECT_NE(Message(back.status()).find("key 'a' comes behind 'b'"), std::string::npos);
  EXPECT_THAT(Write({{"", "empty"}, {"a", ""}}, "xz"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(Write({{"", "empty"}, {"a", ""}}, "none"));
}

// RocksDB decodes the end of a file before it looks at checksums, and aborts at what is odd there.
TEST_F(TableTest, AChangedEndIsAnErrorOrChangesNothing) {
  constexpr size_t kFooterBytes = 53;
  constexpr size_t kChangedBytes = 1500;  // properties, list of blocks, footer
  const Table table = SomeTable(300);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({table.begin(), table.end()}, "zstd"));
  for (size_t at = bytes.size() - kChangedBytes; at < bytes.size(); ++at) {
    for (const int value : {0, 127, 255, bytes[at] ^ 1, bytes[at] ^ 64}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      const auto read = SortedTable::Open(std::make_unique<MemoryFile>(changed, 5000));
      if (!read.ok()) continue;
      const auto cursor = (*read)->NewCursor();
      Table found;
      for (bool more = cursor->Seek(""); more; more = cursor->Next()) {
        found.emplace(cursor->key(), cursor->value());
      }
      if (cursor->status().ok()) {
        EXPECT_EQ(found, table) << at << " " << value;
      }
    }
  }
  std::string unchecked = bytes;
  unchecked[bytes.size() - kFooterBytes] = 0;
  EXPECT_THAT(SortedTable::Open(std::make_unique<MemoryFile>(unchecked, 5000)),
              StatusIs(absl::StatusCode::kDataLoss, testing::HasSubstr("checksums of kind 0")));
  std::string older = bytes;
  older[bytes.size() - 12] = 2;
  EXPECT_THAT(SortedTable::Open(std::make_unique<MemoryFile>(older, 5000)),
              StatusIs(absl::StatusCode::kDataLoss, testing::HasSubstr("format version 2")));
}

TEST_F(TableTest, DamageIsAnErrorAndNeverAnotherValue) {
  const Table table = SomeTable(500);
  ASSERT_OK_AND_ASSIGN(const std::string bytes, Write({table.begin(), table.end()}, "zstd"));
  int noticed = 0;
  for (int round = 0; round < 60; ++round) {
    std::string bad = bytes;
    bad[Below(bad.size())] ^= static_cast<char>(1 << Below(8));
    const auto read = SortedTable::Open(std::make_unique<MemoryFile>(bad, 5000));
    if (!read.ok()) {
      ++noticed;
      continue;
    }
    const auto cursor = (*read)->NewCursor();
    for (bool more = cursor->Seek(""); more; more = cursor->Next()) {
      const auto expected = table.find(std::string(cursor->key()));
      ASSERT_NE(expected, table.end());
      ASSERT_EQ(cursor->value(), expected->second);
    }
    if (!cursor->status().ok()) ++noticed;
  }
  EXPECT_GT(noticed, 20);
  for (const char* other : {"x", "once upon a time, a file that is no table at all, but longer"}) {
    EXPECT_THAT(SortedTable::Open(std::make_unique<MemoryFile>(other, 100)),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

}  // namespace
}  // namespace quern::mr
