#include "mapreduce/cli/format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

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

TEST(FormatTest, TheLastLineSaysThatTheInputIsEmpty) {
  constexpr char kWarning[] =
      "WARNING: nothing was read: no file of the input has a byte in it (mr run tag /empty /out)";
  pb::JobStatus status;
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  status.set_command("mr run tag /empty /out");
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), HasSubstr(kWarning));
  EXPECT_THAT(JobEndJson(status).ToString(), HasSubstr("\"warnings\":[\"nothing was read: "));
  // Of a pipeline all stages count: those behind the first may well have nothing to read.
  pb::JobStatus::Stage* const first = status.add_stages();
  status.add_stages()->set_name("near");
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), HasSubstr(kWarning));
  first->set_state(pb::JobStatus::Stage::STATE_NOT_NEEDED);
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), Not(HasSubstr("WARNING"))) << "nobody knows";
  first->set_state(pb::JobStatus::Stage::STATE_DONE);
  pb::Counter* const read = first->add_counters();
  read->set_group("quern");
  read->set_name("map_input_bytes");
  read->set_value(1);
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), Not(HasSubstr("WARNING")));
  EXPECT_THAT(JobEndJson(status).ToString(), HasSubstr("\"warnings\":[]"));
  status.clear_stages();
  status.set_state(pb::JOB_STATE_FAILED);
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), Not(HasSubstr("WARNING")));
}

TEST(FormatTest, TheLastLineSaysThatNothingIsLeft) {
  pb::JobSpec::CounterMeanings meanings;
  const auto line = [&](const std::map<std::string, int64_t>& counts) {
    pb::JobStatus status;
    status.set_state(pb::JOB_STATE_SUCCEEDED);
    *status.mutable_counter_meanings() = meanings;
    for (const auto& [name, value] : counts) {
      pb::Counter* const counter = status.add_counters();
      counter->set_group("user");
      counter->set_name(name);
      counter->set_value(value);
    }
    return SetAsideLine(status);
  };
  EXPECT_EQ(line({{"documents", 0}, {"lines_of_bad_json", 600}, {"kept", 0}, {"rejected", 7}}), "")
      << "nobody has said what they mean";
  for (const char* const name : {"documents", "pages"}) meanings.add_read(name);
  for (const char* const name :
       {"lines_of_bad_json", "lines_without_a_page", "documents_without_text"}) {
    meanings.add_unread(name);
  }
  meanings.add_kept("kept");
  meanings.add_rejected("rejected");
  EXPECT_EQ(line({{"documents", 0}, {"lines_of_bad_json", 600}, {"documents_without_text", 2}}),
            "WARNING: the input has not one document (lines_of_bad_json 600, "
            "documents_without_text 2). Try: --format, or the field with the text");
  EXPECT_EQ(line({{"pages", 0}, {"lines_without_a_page", 3}}),
            "WARNING: the input has not one document (lines_without_a_page 3). Try: --format, or "
            "the field with the text");
  EXPECT_EQ(line({{"documents", 1}, {"lines_of_bad_json", 600}}),
            "WARNING: most of the input is no document (lines_of_bad_json 600), 1 is. Try: an "
            "input without the files of another format, --format, or the field with the text");
  EXPECT_EQ(line({{"documents", 600}, {"lines_of_bad_json", 600}}), "") << "some are everywhere";
  EXPECT_EQ(line({{"documents", 0}, {"lines_of_bad_json", 0}}), "");
  EXPECT_EQ(line({{"documents", 7}, {"kept", 0}, {"rejected", 7}}),
            "WARNING: none of 7 documents was kept");
  EXPECT_EQ(line({{"documents", 7}, {"kept", 1}, {"rejected", 6}}), "");
  EXPECT_EQ(line({{"documents", 0}, {"kept", 0}, {"rejected", 0}}), "");
  EXPECT_EQ(line({{"lines_of_bad_json", 3}}),
            "WARNING: the input has not one document (lines_of_bad_json 3). Try: --format, or the "
            "field with the text")
      << "a counter that nobody has begun has counted nothing";
}

TEST(FormatTest, AJobThatCannotAnswerSaysWhyInOneLine) {
  pb::JobStatus status;
  status.set_state(pb::JOB_STATE_FAILED);
  status.mutable_failure()->set_message("http://h/none: the corpus\nhas none");
  status.mutable_failure()->set_log_tail("lines of a log\n");
  EXPECT_EQ(NoAnswerLine(status), "") << "a crash, of which everything is shown";
  status.mutable_failure()->set_ends_job(true);
  EXPECT_EQ(NoAnswerLine(status), "http://h/none: the corpus\\nhas none");
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(NoAnswerLine(status), "");
}

// Each stage by what its own job says.
TEST(FormatTest, TheLastLineOfAPipelineAsksTheSpecOfEachStage) {
  pb::JobStatus status;
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  for (const char* const name : {"mine", "filter"}) {
    pb::JobStatus::Stage* const stage = status.add_stages();
    stage->set_name(name);
    pb::Counter* const counter = stage->add_counters();
    counter->set_group("user");
    counter->set_name("rejected");
    counter->set_value(1);
    pb::Counter* const read = stage->add_counters();
    read->set_group("quern");
    read->set_name("map_input_records");
    read->set_value(1);
  }
  EXPECT_EQ(SetAsideLine(status), "");
  status.mutable_stages(1)->mutable_counter_meanings()->add_kept("kept");
  status.mutable_stages(1)->mutable_counter_meanings()->add_rejected("rejected");
  EXPECT_EQ(SetAsideLine(status), "filter: WARNING: none of 1 document was kept");
  status.set_job_id("pipeline-1");
  status.set_name("clean");
  EXPECT_EQ(WarningLine(status), "pipeline-1 clean: filter: WARNING: none of 1 document was kept");
}

TEST(FormatTest, TheLastLineSaysWhatWasSetAside) {
  const auto add = [](const char* name, int64_t value, pb::Counter* counter) {
    counter->set_group("quern");
    counter->set_name(name);
    counter->set_value(value);
  };
  pb::JobStatus status;
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  status.set_output_path("/out");
  add("map_input_records", 9, status.add_counters());
  EXPECT_THAT(EndLine(status, absl::UnixEpoch()), EndsWith(" out to /out"));
  add("map_skipped_records", 3, status.add_counters());
  add("map_skipped_records: no_node", 1, status.add_counters());
  add("map_skipped_records: no_tab", 2, status.add_counters());
  add("reduce_skipped_groups", 1, status.add_counters());
  EXPECT_THAT(
      EndLine(status, absl::UnixEpoch()),
      EndsWith(" out to /out, 3 records set aside (no_node 1, no_tab 2), 1 group set aside"));
  EXPECT_EQ(WarningLine(status), "") << "that is what somebody has asked for";
  add("map_set_aside_bad_member", 1, status.add_counters());
  add("map_set_aside_bad_head", 2, status.add_counters());
  status.set_job_id("job-1");
  status.set_name("count");
  EXPECT_EQ(WarningLine(status),
            "job-1 count: WARNING: 3 places of the input could not be read and were passed over "
            "(bad_head 2, bad_member 1)");
  EXPECT_THAT(
      EndLine(status, absl::UnixEpoch()),
      EndsWith("1 group set aside. WARNING: 3 places of the input could not be read and were "
               "passed over (bad_head 2, bad_member 1)"));
  EXPECT_EQ(
      SetAsideLine(status),
      "3 records set aside (no_node 1, no_tab 2), 1 group set aside. WARNING: 3 places of the "
      "input could not be read and were passed over (bad_head 2, bad_member 1)");
  pb::JobStatus unread;
  unread.set_state(pb::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(SetAsideLine(unread), "");
  add("map_input_records", 0, unread.add_counters());
  add("map_set_aside_bad_member", 1, unread.add_counters());
  EXPECT_THAT(EndLine(unread, absl::UnixEpoch()),
              EndsWith(". WARNING: 1 place of the input could not be read and was passed over "
                       "(bad_member 1)"));
  pb::JobStatus pipeline;
  pipeline.set_job_id("pipeline-20261122-0001");
  pipeline.set_state(pb::JOB_STATE_SUCCEEDED);
  pipeline.set_output_path("/ranks");
  pipeline.add_stages()->set_name("sources");
  add("map_skipped_records", 1, pipeline.mutable_stages(0)->add_counters());
  EXPECT_THAT(EndLine(pipeline, absl::UnixEpoch()),
              EndsWith(", output in /ranks, sources: 1 record set aside"));
  EXPECT_EQ(SetAsideLine(pipeline), "sources: 1 record set aside");
}

// A rerun has the rounds of the pipeline that it runs again, and would fail at once.
TEST(FormatTest, APipelineThatCannotGoOnAsItWasIsNotSentIntoARerun) {
  pb::JobStatus status;
  status.set_job_id("pipeline-20261122-0001");
  status.add_stages()->set_name("ranks");
  status.set_state(pb::JOB_STATE_FAILED);
  status.set_reason("stage ranks: job-1: no");
  EXPECT_THAT(FailureText(status), HasSubstr("mr rerun pipeline-20261122-0001 --resume"));
  status.set_reason("has not come to its end. Try: the same mr run with --set ranks.repeat.max=N");
  EXPECT_THAT(FailureText(status), EndsWith("ranks.repeat.max=N\n"));
  google::protobuf::RepeatedPtrField<pb::Counter> counters;
  pb::Counter* const counter = counters.Add();
  counter->set_group("quern");
  counter->set_name("map_input_records");
  const auto misspelled = FindCounter(counters, "moverd", "ranks");
  status.set_reason(fmt::format("stage ranks: {}", Message(misspelled.status())));
  EXPECT_THAT(FailureText(status),
              HasSubstr("stage ranks: counter moverd: no task of stage ranks"));
  EXPECT_THAT(FailureText(status), HasSubstr("Try: mr run with the corrected pipeline"));
  EXPECT_THAT(FailureText(status), Not(HasSubstr("--resume")));
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
