#include "mapreduce/cli/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(FormatTest, ALineOfProgressSaysWhyNothingRuns) {
  pb::JobStatus status;
  status.set_job_id("job-1");
  status.set_state(pb::JOB_STATE_RUNNING);
  status.mutable_map()->set_total(1);
  EXPECT_THAT(ProgressLine(status), EndsWith(", map 0% (0/1), 0 running"));
  status.set_waits("no worker is there.\nTry: mr workers");
  EXPECT_THAT(ProgressLine(status),
              EndsWith(", 0 running, waits: no worker is there.\\nTry: mr workers"));
  EXPECT_THAT(JobJson(status).ToString(), HasSubstr("\"waits\":\"no worker is there."));
  status.add_stages()->set_name("count");
  EXPECT_THAT(ProgressLine(status), HasSubstr("0 of 1 stages, waits: no worker is there."));
}

// Its output may be there before the kill is looked at.
TEST(FormatTest, WhatStillRunsWhenItWasKilledIsBeingStopped) {
  pb::JobStatus status;
  status.set_job_id("pipeline-20261122-0001");
  status.set_state(pb::JOB_STATE_RUNNING);
  EXPECT_EQ(KillText(status), "RUNNING, is being stopped");
  status.set_state(pb::JOB_STATE_FAILED);
  EXPECT_EQ(KillText(status), "FAILED");
}

TEST(FormatTest, WhatIsBeingPublishedIsNotCalledKilled) {
  pb::JobStatus status;
  status.set_state(pb::JOB_STATE_KILLED);
  EXPECT_EQ(KillText(status), "KILLED");
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(KillText(status), "SUCCEEDED");
  status.set_state(pb::JOB_STATE_COMMITTING);
  EXPECT_EQ(KillText(status), "COMMITTING, ends as KILLED unless its output appears first");
}

}  // namespace
}  // namespace quern::mr
