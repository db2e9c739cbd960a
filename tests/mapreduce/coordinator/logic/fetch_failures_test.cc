#include "mapreduce/coordinator/logic/fetch_failures.h"

#include <gtest/gtest.h>

namespace quern::mr {
namespace {

TEST(FetchFailures, BelievesTheSecondReducer) {
  FetchFailures failures;
  EXPECT_FALSE(failures.Report(7, 0, /*reduce_task=*/1, /*running_reduces=*/4));
  EXPECT_TRUE(failures.Report(7, 0, 2, 4));
}

TEST(FetchFailures, BelievesOneReducerOnlyAfterThreeTries) {
  FetchFailures failures;
  EXPECT_FALSE(failures.Report(7, 0, 1, 4));
  EXPECT_FALSE(failures.Report(7, 0, 1, 4));
  EXPECT_TRUE(failures.Report(7, 0, 1, 4));
}

TEST(FetchFailures, BelievesTheOnlyReducerAtOnce) {
  FetchFailures failures;
  EXPECT_TRUE(failures.Report(7, 0, 1, 1));
}

TEST(FetchFailures, CountsEachOutputByItself) {
  FetchFailures failures;
  EXPECT_FALSE(failures.Report(7, 0, 1, 4));
  EXPECT_FALSE(failures.Report(8, 0, 2, 4)) << "another task";
  EXPECT_FALSE(failures.Report(7, 1, 2, 4)) << "another attempt of the task";
  EXPECT_TRUE(failures.Report(7, 1, 1, 4));
}

}  // namespace
}  // namespace quern::mr
