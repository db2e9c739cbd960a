// Pipelines while others wait for a file system that is full or away.
#include <gtest/gtest.h>

#include <atomic>

#include "tests/mapreduce/coordinator/service/pipeline_fixture.h"

namespace quern::mr {
namespace {

constexpr int kMany = 4;  // as there are threads for one kind of work
constexpr PipelineDriver::Options kNoWaits = {.retry = absl::Milliseconds(1),
                                              .clean_retry = absl::Milliseconds(1)};

// NAME/first, published at /NAME/made.
pb::PipelineSpec OneStage(const std::string& name) {
  pb::PipelineSpec spec;
  spec.set_name(name);
  spec.set_output_path("/" + name);
  pb::PipelineStage* stage = spec.add_stages();
  stage->set_name("first");
  stage->mutable_job()->add_inputs()->set_path("/in/" + name);
  stage->mutable_job()->mutable_output()->set_path("made");
  return spec;
}

class PipelineWaitsTest : public PipelineDriverTest {
 protected:
  PipelineWaitsTest() {
    StartDriver(kNoWaits);
    jobs_.held = "slow/first";
  }

  std::string Begin(const std::string& name) {
    const absl::StatusOr<std::string> id = Submit(OneStage(name));
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or("");
  }
  bool HasJob(const std::string& name) { return !jobs_.spec(name).name().empty(); }
  bool WaitForJob(const std::string& name) {
    return Eventually([&] { return HasJob(name); });
  }
  // Ends jobs until this one has ended.
  bool WaitForEnd(const std::string& id) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (true) {
      const auto over = [&] { return HasEnded(id) || absl::Now() > deadline; };
      const pb::JobStatus job = jobs_.EndNext(over);
      if (job.job_id().empty()) return HasEnded(id);
      driver_->JobEnded(job);
    }
  }
  pb::JobState StateOf(const std::string& id) { return driver_->Get(id)->state(); }
  bool HasFiles(const std::string& id) { return files_.Has("/.quern/pipelines/" + id + "/"); }
  // So many come to their publication, which has no room.
  void LetManyWaitToBePublished() {
    files_.refusal = ResourceExhaustedError("no room");
    for (int i = 0; i < kMany; ++i) {
      const std::string name = fmt::format("full{}", i);
      Begin(name);
      ASSERT_TRUE(WaitForJob(name + "/first")) << name;
      driver_->JobEnded(jobs_.EndNext([] { return false; }));
    }
  }
};

TEST_F(PipelineWaitsTest, EndsWhatIsKilledWhileManyWaitToBePublished) {
  const std::string slow = Begin("slow");
  ASSERT_TRUE(WaitForJob("slow/first"));
  LetManyWaitToBePublished();
  ASSERT_TRUE(driver_->Kill(slow, "enough").ok());
  ASSERT_TRUE(WaitForEnd(slow)) << "its job runs on";
  EXPECT_EQ(StateOf(slow), pb::JOB_STATE_KILLED);
  EXPECT_TRUE(Eventually([&] { return !HasFiles(slow); })) << "which may make room";
}

TEST_F(PipelineWaitsTest, WhatCannotBePublishedCanBeKilled) {
  files_.refusal = ResourceExhaustedError("no room");
  const std::string id = Begin("full");
  ASSERT_TRUE(WaitForJob("full/first"));
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  ASSERT_TRUE(Eventually([&] { return StateOf(id) == pb::JOB_STATE_COMMITTING; }));
  EXPECT_TRUE(driver_->Kill(id, "enough").ok());
  EXPECT_TRUE(driver_->Kill(id, "again").ok());
  ASSERT_TRUE(Eventually([&] { return HasEnded(id); }));
  EXPECT_EQ(StateOf(id), pb::JOB_STATE_KILLED);
  EXPECT_EQ(driver_->Get(id)->reason(), "enough");
  EXPECT_FALSE(files_.Has("/full/made/part"));
}

TEST_F(PipelineWaitsTest, ThatItWasKilledWhileItIsPublishedIsRemembered) {
  PipelineDriver::Options options = kNoWaits;
  options.retry = absl::Hours(1);
  StartDriver(options);
  files_.refusal = ResourceExhaustedError("no room");
  const std::string id = Begin("full");
  ASSERT_TRUE(WaitForJob("full/first"));
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  ASSERT_TRUE(Eventually([&] { return StateOf(id) == pb::JOB_STATE_COMMITTING; }));
  ASSERT_TRUE(driver_->Kill(id, "enough").ok());
  driver_.reset();
  files_.refusal = absl::OkStatus();  // it could be published now
  StartDriver(kNoWaits);
  ASSERT_TRUE(Eventually([&] { return HasEnded(id); }));
  EXPECT_EQ(StateOf(id), pb::JOB_STATE_KILLED);
  EXPECT_FALSE(files_.Has("/full/made/part"));
}

// The change was made, and nobody has heard of it when the pipeline is killed.
TEST_F(PipelineWaitsTest, WhatHasAppearedSucceedsHoweverItIsKilled) {
  PipelineDriver::Options options = kNoWaits;
  options.retry = absl::Hours(1);
  StartDriver(options);
  files_.lost_answers = 1;
  const std::string id = Begin("full");
  ASSERT_TRUE(WaitForJob("full/first"));
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  ASSERT_TRUE(Eventually([&] { return files_.Has("/full/made/part"); }));
  ASSERT_TRUE(driver_->Kill(id, "enough").ok());
  StartDriver(kNoWaits);
  ASSERT_TRUE(Eventually([&] { return HasEnded(id); }));
  EXPECT_EQ(StateOf(id), pb::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(files_.Has("/full/made/part"));
}

TEST_F(PipelineWaitsTest, BeginsAnotherWhileManyWaitToBePublished) {
  LetManyWaitToBePublished();
  Begin("late");
  EXPECT_TRUE(WaitForJob("late/first"));
}

TEST_F(PipelineWaitsTest, BeginsAndEndsOthersWhileManyCannotBegin) {
  jobs_.unavailable = "stuck";
  std::vector<std::string> stuck;
  for (int i = 0; i <= kMany; ++i) stuck.push_back(Begin(fmt::format("stuck{}", i)));
  const std::string other = Begin("other");
  ASSERT_TRUE(WaitForJob("other/first"));
  ASSERT_TRUE(WaitForEnd(other));
  EXPECT_EQ(StateOf(other), pb::JOB_STATE_SUCCEEDED);
  for (const std::string& id : stuck) {
    ASSERT_TRUE(driver_->Kill(id, "enough").ok());
    EXPECT_TRUE(Eventually([&] { return HasEnded(id); })) << id;
    EXPECT_EQ(StateOf(id), pb::JOB_STATE_KILLED);
  }
}

// Each try may write its whole plan to a disk.
TEST_F(PipelineWaitsTest, WhatHasNoRoomIsNotTriedAsOftenAsWhatNobodyAnswers) {
  PipelineDriver::Options options = kNoWaits;
  options.full_retry = absl::Hours(1);
  StartDriver(options);
  std::atomic<int> full = 0;
  std::atomic<int> unanswered = 0;
  jobs_.refuse = [&](const std::string& name) {
    if (name == "full/first") {
      ++full;
      return ResourceExhaustedError("no room");
    }
    return ++unanswered < 20 ? UnavailableError("nobody answers") : absl::OkStatus();
  };
  const std::string id = Begin("full");
  EXPECT_TRUE(Eventually([&] { return full > 0; }));
  Begin("other");
  EXPECT_TRUE(WaitForJob("other/first"));
  EXPECT_EQ(full, 1);
  EXPECT_TRUE(driver_->Kill(id, "enough").ok());
  EXPECT_TRUE(Eventually([&] { return HasEnded(id); })) << "it is not waited for";
  driver_.reset();
}

// Far more than there are threads for stages.
TEST_F(PipelineWaitsTest, WhatHasNoRoomKeepsNothingElseFromBeginning) {
  PipelineDriver::Options options = kNoWaits;
  options.full_retry = absl::Hours(1);
  StartDriver(options);
  std::atomic<int> full = 0;
  jobs_.refuse = [&](const std::string& name) {
    if (!name.starts_with("full")) return absl::OkStatus();
    ++full;
    return ResourceExhaustedError("no room");
  };
  for (int i = 0; i < 20; ++i) Begin(fmt::format("full{}", i));
  EXPECT_TRUE(Eventually([&] { return full == 20; }));
  Begin("other");
  EXPECT_TRUE(WaitForJob("other/first"));
  driver_.reset();
}

// The end of what is killed next says that the first kill has been looked at.
TEST_F(PipelineWaitsTest, AJobThatIsBeingSubmittedIsStoppedAndNotForgotten) {
  jobs_.unavailable = "stuck";
  const std::string stuck = Begin("stuck");
  std::string slow;
  bool ended_early = true;
  jobs_.while_submitting = [&] {
    Eventually([&] { return driver_->List({.most = 2}).size() == 2; });
    slow = driver_->List({.most = 1})[0].job_id();
    EXPECT_TRUE(driver_->Kill(slow, "enough").ok());
    EXPECT_TRUE(driver_->Kill(stuck, "enough").ok());
    EXPECT_TRUE(Eventually([&] { return HasEnded(stuck); }));
    ended_early = HasEnded(slow);
    const auto ended = driver_->List({.most = 1, .only_ended = true});
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].job_id(), stuck) << "the newest has not ended";
  };
  const std::string id = Begin("slow");
  ASSERT_TRUE(WaitForEnd(id));
  EXPECT_FALSE(ended_early);
  EXPECT_EQ(StateOf(id), pb::JOB_STATE_KILLED);
  EXPECT_EQ(jobs_.EndNext([] { return true; }).job_id(), "");
  EXPECT_FALSE(jobs_.Runs("slow/first"));
}

TEST_F(PipelineWaitsTest, TriesToCleanUpAgain) {
  const std::string slow = Begin("slow");
  ASSERT_TRUE(WaitForJob("slow/first"));
  files_.unreachable_deletes = 2;
  ASSERT_TRUE(driver_->Kill(slow, "enough").ok());
  ASSERT_TRUE(WaitForEnd(slow));
  EXPECT_TRUE(Eventually([&] { return !HasFiles(slow); }));
}

// Nobody would find it again.
TEST_F(PipelineWaitsTest, TriesAgainToForget) {
  PipelineDriver::Options options = kNoWaits;
  options.max_ended = 0;
  StartDriver(options);
  pb::PipelineSpec spec = OneStage("kept");
  spec.set_keep(true);
  files_.unreachable_deletes = 2;
  const auto id = Submit(spec);
  ASSERT_TRUE(id.ok()) << id.status();
  ASSERT_TRUE(WaitForJob("kept/first"));
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  ASSERT_TRUE(Eventually([&] { return !driver_->Get(*id).ok(); }));
  EXPECT_TRUE(Eventually([&] { return !HasFiles(*id); }));
}

}  // namespace
}  // namespace quern::mr
