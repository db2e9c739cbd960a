#include "mapreduce/coordinator/service/rpc/followed_jobs.h"

#include <gtest/gtest.h>

namespace quern::mr {
namespace {

constexpr char kPipeline[] = "pipeline-20261122-0001";

class FollowedJobsTest : public testing::Test {
 protected:
  FollowedJobsTest() : state_({}, {}) { request_.mutable_id()->set_job_id(kPipeline); }

  void AddJob(uint32_t key, const char* pipeline) {
    auto job = std::make_unique<Job>();
    job->key = JobKey(key);
    job->id = fmt::format("job-20261122-{:04}", key);
    job->spec.set_pipeline_id(pipeline);
    job->ended_tasks = MakeTasks(*job, {});
    state_.jobs.Add(std::move(job));
  }

  TrackerState state_;
  pb::GetLogRequest request_;
  LogFollow follow_;
};

TEST_F(FollowedJobsTest, AJobOfAPipelineMayComeAfterOneWithAGreaterKey) {
  FollowedJobs followed(request_);
  AddJob(6, "pipeline-20261122-0002");
  ASSERT_TRUE(followed.Look(state_, false, &follow_).ok());
  AddJob(7, kPipeline);
  ASSERT_TRUE(followed.Look(state_, false, &follow_).ok());
  AddJob(5, kPipeline);
  ASSERT_TRUE(followed.Look(state_, false, &follow_).ok());
  EXPECT_EQ(followed.IdOf(JobKey(7)), "job-20261122-0007");
  EXPECT_EQ(followed.IdOf(JobKey(5)), "job-20261122-0005");
  EXPECT_FALSE(followed.over());
  ASSERT_TRUE(followed.Look(state_, true, &follow_).ok());
  EXPECT_TRUE(followed.over());
}

TEST_F(FollowedJobsTest, APipelineThatHasEndedAndIsNoLongerKnownIsSaidToBe) {
  FollowedJobs followed(request_);
  EXPECT_EQ(followed.Look(state_, true, &follow_).code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace quern::mr
