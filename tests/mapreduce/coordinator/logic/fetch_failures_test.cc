#include "mapreduce/coordinator/logic/fetch_failures.h"

#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using Verdict = FetchFailures::Verdict;

// Reduce R runs on worker 100 + R, map M lies on worker M, unless a test says otherwise.
FetchFailures::Report About(uint32_t map, uint32_t reduce, uint32_t attempt = 0) {
  FetchFailures::Report report;
  report.map_task = map;
  report.map_attempt = attempt;
  report.holder = WorkerKey(map);
  report.reduce_task = reduce;
  report.reducer = WorkerKey(100 + reduce);
  report.reducing_workers = 4;
  return report;
}

TEST(FetchFailures, BelievesTheSecondWorker) {
  FetchFailures failures;
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(7, 2)), Verdict::kOutputLost);
}

TEST(FetchFailures, TakesTwoReducersOfOneWorkerForOne) {
  FetchFailures failures;
  FetchFailures::Report second = About(7, 2);
  second.reducer = WorkerKey(101);
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(second), Verdict::kWait);
}

TEST(FetchFailures, BelievesOneReducerOnlyAfterThreeTries) {
  FetchFailures failures;
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kOutputLost);
}

TEST(FetchFailures, BelievesTheOnlyReducingWorkerAtOnce) {
  FetchFailures failures;
  FetchFailures::Report report = About(7, 1);
  report.reducing_workers = 1;
  EXPECT_EQ(failures.Add(report), Verdict::kOutputLost);
}

TEST(FetchFailures, CountsEachOutputByItself) {
  FetchFailures failures;
  EXPECT_EQ(failures.Add(About(7, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(8, 2)), Verdict::kWait) << "another task";
  EXPECT_EQ(failures.Add(About(7, 2, 1)), Verdict::kWait) << "another attempt of the task";
  EXPECT_EQ(failures.Add(About(7, 1, 1)), Verdict::kOutputLost);
}

TEST(FetchFailures, GivesUpAHolderOfSeveralLostOutputs) {
  FetchFailures failures;
  const auto about = [](uint32_t map, uint32_t reduce) {
    FetchFailures::Report report = About(map, reduce);
    report.holder = WorkerKey(50);
    return report;
  };
  EXPECT_EQ(failures.Add(about(1, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(about(1, 2)), Verdict::kOutputLost);
  EXPECT_EQ(failures.Add(about(2, 1)), Verdict::kWait);
  EXPECT_EQ(failures.Add(about(2, 2)), Verdict::kHolderCutOff);
}

TEST(FetchFailures, BlamesTheReducerThatAloneReachesNobody) {
  FetchFailures failures;
  EXPECT_EQ(failures.Add(About(1, 9)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(2, 9)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(3, 9)), Verdict::kReducerCutOff);
  EXPECT_EQ(failures.Add(About(1, 4)), Verdict::kWait) << "its word counts no longer";
}

TEST(FetchFailures, DoesNotBlameAReducerThatOthersAgreeWith) {
  FetchFailures failures;
  EXPECT_EQ(failures.Add(About(1, 4)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(2, 9)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(3, 9)), Verdict::kWait);
  EXPECT_EQ(failures.Add(About(1, 9)), Verdict::kOutputLost);
}

}  // namespace
}  // namespace quern::mr
