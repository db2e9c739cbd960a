#include "mapreduce/cli/time_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

pb::TaskAttemptStatus Attempt(pb::TaskKind kind, pb::AttemptState state, int64_t from, int64_t to) {
  pb::TaskAttemptStatus attempt;
  attempt.mutable_id()->set_kind(kind);
  attempt.set_state(state);
  attempt.set_started_ms(from);
  attempt.set_finished_ms(to);
  attempt.set_node("n1");
  return attempt;
}

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1);

TEST(TimeReportTest, PartsAreSummedByKind) {
  TimeReport report;
  pb::TaskAttemptStatus map = Attempt(pb::TASK_KIND_MAP, pb::ATTEMPT_STATE_SUCCEEDED, 1000, 5000);
  map.mutable_times()->set_read_us(2'000'000);
  map.mutable_times()->set_user_us(1'500'000);
  report.Add(map, kNow);
  report.Add(map, kNow);
  pb::TaskAttemptStatus reduce =
      Attempt(pb::TASK_KIND_REDUCE, pb::ATTEMPT_STATE_SUCCEEDED, 1000, 2000);
  reduce.mutable_times()->set_write_us(1'000'000);
  report.Add(reduce, kNow);
  report.Add(Attempt(pb::TASK_KIND_MAP, pb::ATTEMPT_STATE_FAILED, 1000, 2000), kNow);
  const std::string text = report.Text();
  EXPECT_THAT(text, HasSubstr("reading input          4.00 s        -   4.00 s    40%\n"));
  EXPECT_THAT(text, HasSubstr("user code and records  3.00 s        -   3.00 s    30%\n"));
  EXPECT_THAT(text, HasSubstr("writing output              -   1.00 s   1.00 s    10%\n"));
  EXPECT_THAT(text, HasSubstr("starting               1.00 s        -   1.00 s    10%\n"));
  EXPECT_THAT(text, HasSubstr("failed or killed       1.00 s        -   1.00 s    10%\n"));
  EXPECT_THAT(text, HasSubstr("on n1 took 4.00 s, 2.00 s of it reading input\n"));
  EXPECT_THAT(text, Not(HasSubstr("shuffle")));
  EXPECT_THAT(report.Json().ToString(), HasSubstr("\"read_ms\":4000"));
}

TEST(TimeReportTest, OfSeveralJobsAttemptsAreNamedWithTheirs) {
  pb::TaskAttemptStatus map = Attempt(pb::TASK_KIND_MAP, pb::ATTEMPT_STATE_SUCCEEDED, 1000, 5000);
  map.mutable_id()->set_job_id("job-7");
  map.mutable_times()->set_read_us(3'000'000);
  TimeReport report;
  EXPECT_EQ(report.Brief(), "-");
  report.Add(map, kNow);
  EXPECT_EQ(report.Brief(), "4.00 s, 3.00 s of it reading input");
  EXPECT_THAT(report.Text(), Not(HasSubstr("job-7")));
  TimeReport of_pipeline(TimeReport::Of::kPipeline);
  of_pipeline.Add(map, kNow);
  EXPECT_THAT(of_pipeline.Text(), HasSubstr("job-7"));
}

TEST(TimeReportTest, WhatRunsIsLeftOutAndClocksMayDisagree) {
  TimeReport report;
  EXPECT_EQ(report.Text(), "No attempt has ended yet.\n");
  report.Add(Attempt(pb::TASK_KIND_MAP, pb::ATTEMPT_STATE_RUNNING, 1000, 0), kNow);
  EXPECT_EQ(report.Text(), "No attempt has ended yet.\n");
  pb::TaskAttemptStatus map = Attempt(pb::TASK_KIND_MAP, pb::ATTEMPT_STATE_SUCCEEDED, 1000, 900);
  map.mutable_times()->set_read_us(7'000);
  report.Add(map, kNow);
  EXPECT_THAT(report.Text(), HasSubstr("in sum         0.01 s        -  0.01 s   100%\n"));
  EXPECT_THAT(report.Text(),
              HasSubstr("1 attempt that runs, or whose times are not known, is left out"));
}

}  // namespace
}  // namespace quern::mr
