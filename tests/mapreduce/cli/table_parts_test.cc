// The parts of a table, asked as one.
#include "mapreduce/cli/table_parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "common/storage/file_io.h"
#include "mapreduce/formats/output_format.h"
#include "tests/support/random_test.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TablePartsTest : public RandomTest {
 protected:
  using Table = std::map<std::string, std::string>;

  void Write(const std::string& name, const Table& table) {
    auto created = MakeLocalStorage()->Create(dir_ / name, {});
    ASSERT_OK(created.status());
    OutputFile file(*std::move(created));
    const auto writer = (*FindOutputFormat("table"))->Open({}, &file);
    ASSERT_OK(writer.status());
    for (const auto& [key, value] : table) ASSERT_OK((*writer)->Append(key, value));
    ASSERT_OK((*writer)->Close());
    ASSERT_OK(file.Close());
  }

  const TempDir dir_;
};

TEST_F(TablePartsTest, LookupsAndScansGoOverAllParts) {
  Table all;
  Table parts[4];  // the last one stays empty
  for (int i = 0; i < 1000; ++i) {
    const std::string key = fmt::format("k{}", Below(5000));
    if (!all.emplace(key, fmt::format("v{}", i)).second) continue;
    parts[Below(3)][key] = all[key];
  }
  for (int i = 0; i < 4; ++i) Write(fmt::format("t/part-r-{}", i), parts[i]);
  ASSERT_OK_AND_ASSIGN(const TableParts table, TableParts::Open(nullptr, "file://" + dir_ / "t"));

  for (int i = 0; i < 5000; i += 7) {
    const std::string key = fmt::format("k{}", i);
    std::string value;
    ASSERT_OK_AND_ASSIGN(const bool found, table.Get(key, &value));
    ASSERT_EQ(found, all.count(key) > 0);
    if (found) {
      ASSERT_EQ(value, all[key]);
    }
  }
  const TableParts::Range ranges[] = {{},
                                      {.from = "k2", .to = "k3", .prefix = ""},
                                      {.from = "", .to = "", .prefix = "k4"},
                                      {.from = "x", .to = "", .prefix = ""},
                                      {.from = "", .to = "a", .prefix = ""}};
  for (const TableParts::Range& range : ranges) {
    Table expected;
    for (const auto& [key, value] : all) {
      if (key >= range.from && (range.to.empty() || key < range.to) &&
          key.starts_with(range.prefix)) {
        expected[key] = value;
      }
    }
    std::vector<std::string> keys;
    Table found;
    ASSERT_OK(table.Scan(range, [&](std::string_view key, std::string_view value) {
      keys.emplace_back(key);
      found.emplace(key, value);
      return true;
    }));
    EXPECT_EQ(found, expected);
    EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  }
  int taken = 0;
  ASSERT_OK(table.Scan({}, [&](std::string_view, std::string_view) { return ++taken < 3; }));
  EXPECT_EQ(taken, 3);
}

// Who knows which part has a key pays for no other one.
TEST_F(TablePartsTest, OpensOnlyThePartThatIsAsked) {
  Write("t/part-r-0", {{"a", "1"}});
  ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "t/part-r-1", std::string(2000, 'a')));
  ASSERT_OK_AND_ASSIGN(const TableParts table, TableParts::Find(nullptr, "file://" + dir_ / "t"));
  ASSERT_EQ(table.size(), 2u);
  std::string value;
  ASSERT_OK_AND_ASSIGN(const bool found, table.GetFrom(0, "a", &value));
  EXPECT_TRUE(found);
  EXPECT_EQ(value, "1");
  ASSERT_OK_AND_ASSIGN(const bool other, table.GetFrom(0, "b", &value));
  EXPECT_FALSE(other);
  EXPECT_THAT(table.GetFrom(1, "b", &value),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(table.path(1) + ": sorted table:")));
  EXPECT_THAT(table.path(1), ::testing::EndsWith("/t/part-r-1"));
  EXPECT_FALSE(TableParts::Open(nullptr, "file://" + dir_ / "t").ok());
}

TEST_F(TablePartsTest, WhatIsNoTableIsNamed) {
  for (const size_t bytes : {size_t{20}, size_t{2000}}) {
    ASSERT_OK(WriteFileDurably(FileSystem::Real(), dir_ / "text", std::string(bytes, 'a')));
    const auto table = TableParts::Open(nullptr, "file://" + dir_ / "text");
    EXPECT_THAT(table, StatusIs(absl::StatusCode::kDataLoss,
                                AllOf(HasSubstr("/text: sorted table:"),
                                      HasSubstr("Try: a job with --set output.format=table"))));
  }
}

}  // namespace
}  // namespace quern::mr
