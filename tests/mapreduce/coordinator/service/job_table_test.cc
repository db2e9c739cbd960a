#include "mapreduce/coordinator/service/job_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quern::mr {
namespace {

using testing::ElementsAre;

class JobTableTest : public testing::Test {
 protected:
  void Add(uint32_t key) {
    auto job = std::make_unique<Job>();
    job->key = JobKey(key);
    job->id = fmt::format("job-20261122-{:04}", key);
    table_.Add(std::move(job));
  }
  void End(uint32_t key, int64_t finished_ms) {
    pb::JobStatus status;
    status.set_state(pb::JOB_STATE_SUCCEEDED);
    status.set_finished_ms(finished_ms);
    table_.Find(JobKey(key))->SetFinal(status);
  }
  std::vector<uint32_t> Trim(size_t max_ended) {
    std::vector<uint32_t> forgotten;
    for (const auto& job : table_.TrimEnded({.max_ended = max_ended}).jobs) {
      forgotten.push_back(job->key.value());
    }
    return forgotten;
  }

  JobTable table_;
};

TEST_F(JobTableTest, TheFirstToEndIsForgottenHoweverLongAnotherRan) {
  for (uint32_t key = 1; key <= 3; ++key) Add(key);
  End(3, 30);
  EXPECT_THAT(Trim(1), ElementsAre());
  End(2, 40);
  EXPECT_THAT(Trim(1), ElementsAre(3));
  End(1, 50);
  EXPECT_THAT(Trim(1), ElementsAre(2));
  EXPECT_NE(table_.Find(JobKey(1)), nullptr);
}

TEST_F(JobTableTest, AClockThatGoesBackDoesNotMakeTheLastOneTheFirst) {
  for (uint32_t key = 1; key <= 2; ++key) Add(key);
  End(1, 5'000);
  EXPECT_THAT(Trim(1), ElementsAre());
  End(2, 10);
  EXPECT_THAT(Trim(1), ElementsAre(1));
}

TEST_F(JobTableTest, AfterARestartTheTimesSayWhichOnesEndedFirst) {
  for (uint32_t key = 1; key <= 4; ++key) Add(key);
  End(1, 40);
  End(2, 10);
  End(3, 30);
  EXPECT_THAT(Trim(2), ElementsAre(2));
  EXPECT_NE(table_.Find(JobKey(4)), nullptr) << "it runs";
}

TEST_F(JobTableTest, KnowsWhereLaterJobsHavePublished) {
  for (uint32_t key = 1; key <= 3; ++key) Add(key);
  pb::JobStatus status;
  status.set_output_path("/failed");
  status.set_state(pb::JOB_STATE_FAILED);
  table_.Find(JobKey(1))->SetFinal(status);
  status.set_output_path("/out");
  status.add_named_outputs()->set_path("/rejected/a");
  status.set_state(pb::JOB_STATE_SUCCEEDED);
  status.set_finished_ms(10);
  table_.Find(JobKey(2))->SetFinal(status);
  for (const char* path : {"/out", "/out/below", "/rejected"}) {
    EXPECT_TRUE(table_.HasNewerOutput(JobKey(1), 50, {"/a", path})) << path;
    EXPECT_FALSE(table_.HasNewerOutput(JobKey(2), 11, {path})) << path;
    EXPECT_TRUE(table_.HasNewerOutput(JobKey(3), 10, {path})) << "it took longer";
  }
  EXPECT_FALSE(table_.HasNewerOutput(JobKey(0), 0, {"/outer", "/failed"}));
}

}  // namespace
}  // namespace quern::mr
