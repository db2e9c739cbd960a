#include "mapreduce/coordinator/logic/bad_records.h"

#include <gtest/gtest.h>

namespace quern::mr {
namespace {

TEST(BadRecords, ASecondDeathInTheSameRecordCondemnsIt) {
  BadRecords records;
  EXPECT_FALSE(records.NoteDeath(TaskKind::kMap, 3, {0, 42}, "signal 11"));
  EXPECT_FALSE(records.NoteDeath(TaskKind::kMap, 3, {1, 42}, "signal 11")) << "another piece";
  EXPECT_FALSE(records.NoteDeath(TaskKind::kReduce, 3, {0, 42}, "signal 11")) << "another task";
  EXPECT_TRUE(records.Of(TaskKind::kMap, 3).empty());
  EXPECT_TRUE(records.NoteDeath(TaskKind::kMap, 3, {0, 42}, "signal 6"));
  ASSERT_EQ(records.Of(TaskKind::kMap, 3).size(), 1u);
  EXPECT_EQ(records.Of(TaskKind::kMap, 3)[0].place, (RecordPlace{0, 42}));
  EXPECT_EQ(records.Of(TaskKind::kMap, 3)[0].reason, "signal 6");
  EXPECT_FALSE(records.NoteDeath(TaskKind::kMap, 3, {0, 42}, "late")) << "of a backup attempt";
  EXPECT_TRUE(records.Of(TaskKind::kMap, 4).empty());
}

TEST(BadRecords, ATaskFullOfThemIsBadItself) {
  BadRecords records;
  for (uint64_t i = 0; i < BadRecords::kMaxOfTask; ++i) {
    records.NoteDeath(TaskKind::kMap, 0, {0, i}, "x");
    EXPECT_TRUE(records.NoteDeath(TaskKind::kMap, 0, {0, i}, "x"));
  }
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(records.NoteDeath(TaskKind::kMap, 0, {0, 1000}, "x"));
  EXPECT_EQ(records.Of(TaskKind::kMap, 0).size(), BadRecords::kMaxOfTask);
}

}  // namespace
}  // namespace quern::mr
