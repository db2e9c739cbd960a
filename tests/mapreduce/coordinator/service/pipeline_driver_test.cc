#include "mapreduce/coordinator/service/pipeline_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mapreduce/plan/pipeline_paths.h"
#include "tests/mapreduce/coordinator/service/pipeline_fixture.h"

namespace quern::mr {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

TEST_F(PipelineDriverTest, RunsItsStagesAndPublishesOneDirectory) {
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  const pb::JobStatus end = RunToEnd(*id);
  EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
  EXPECT_THAT(jobs_.names(), UnorderedElementsAre("p/first", "p/ranks 1", "p/ranks 2", "p/ranks 3",
                                                  "p/last", "p/aside"));
  EXPECT_EQ(*files_.ReadFile("/out/last/part"), "by p/last");
  EXPECT_EQ(*files_.ReadFile("/out/aside/part"), "by p/aside");
  EXPECT_THAT(*files_.ReadFile("/out/_MANIFEST.json"), HasSubstr(*id));
}

TEST_F(PipelineDriverTest, WhoAsksForItsTasksHearsOfItsJobs) {
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  const pb::JobStatus end = RunToEnd(*id);
  std::vector<std::string> jobs;
  for (const auto& stage : end.stages()) jobs.push_back(stage.job_id());
  ASSERT_EQ(jobs.size(), 4u);
  const absl::Status status = driver_->CheckIsNoPipeline(*id);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status),
            fmt::format("{}: is a pipeline; its jobs are {}", *id, fmt::join(jobs, ", ")));
  EXPECT_TRUE(driver_->CheckIsNoPipeline(jobs[0]).ok());
  EXPECT_THAT(std::string(Message(driver_->CheckIsNoPipeline("pipeline-20200101-0001"))),
              HasSubstr("no such"));
}

TEST_F(PipelineDriverTest, TheFirstToEndIsForgottenHoweverLongAnotherRan) {
  StartDriver({.max_ended = 1});
  const auto slow = Submit(Spec());
  ASSERT_TRUE(slow.ok()) << slow.status();
  pb::PipelineSpec other = Spec();
  other.set_output_path("/elsewhere");
  const auto quick = Submit(other);
  ASSERT_TRUE(quick.ok()) << quick.status();
  jobs_.hold = true;
  ASSERT_TRUE(driver_->Kill(*quick, "enough").ok());
  RunToEnd(*quick);
  jobs_.hold = false;
  EXPECT_EQ(RunToEnd(*slow).state(), pb::JOB_STATE_SUCCEEDED);
  EXPECT_TRUE(Eventually([&] { return !driver_->Get(*quick).ok(); }));
  EXPECT_TRUE(driver_->Get(*slow).ok());
}

TEST_F(PipelineDriverTest, EachRoundReadsTheOneBeforeAndItsCounters) {
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  RunToEnd(*id);
  const std::string dir = "/.quern/pipelines/" + *id;
  EXPECT_EQ(jobs_.spec("p/ranks 1").inputs(0).path(), dir + "/first/0001");
  EXPECT_EQ(jobs_.spec("p/ranks 1").params().at("step"), "1 of none");
  EXPECT_EQ(jobs_.spec("p/ranks 2").inputs(0).path(), dir + "/ranks/0001");
  EXPECT_EQ(jobs_.spec("p/ranks 2").params().at("step"), "2 of 7");
  EXPECT_EQ(jobs_.spec("p/last").inputs(0).path(), dir + "/ranks/0003");
}

TEST_F(PipelineDriverTest, ACoordinatorThatDiesAnywhereRunsNoRoundTwice) {
  for (int restart_after = 1; restart_after <= 6; ++restart_after) {
    for (const bool told : {false, true}) {
      for (const bool power_cut : {false, true}) {
        SCOPED_TRACE(
            fmt::format("after job {}, told {}, power cut {}", restart_after, told, power_cut));
        pb::PipelineSpec spec = Spec();
        const std::string out = fmt::format("/out{}{}{}", restart_after, told, power_cut);
        spec.set_output_path(out);
        planner_.input_digest = out;  // nothing is the same as in another turn
        const size_t before = jobs_.names().size();
        const auto id = Submit(spec);
        ASSERT_TRUE(id.ok()) << id.status();
        const pb::JobStatus end = RunToEnd(*id, restart_after, told, power_cut);
        EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
        EXPECT_EQ(jobs_.names().size() - before, 6u);
        EXPECT_EQ(*files_.ReadFile(out + "/last/part"), "by p/last");
        EXPECT_EQ(*files_.ReadFile(out + "/aside/part"), "by p/aside");
      }
    }
  }
}

TEST_F(PipelineDriverTest, AFailureNamesItsStageAndTheRestIsKeptForLater) {
  jobs_.fails = "p/ranks 2";
  const auto id = Submit(Spec());
  const pb::JobStatus failed = RunToEnd(*id);
  EXPECT_EQ(failed.state(), pb::JOB_STATE_FAILED);
  EXPECT_THAT(failed.reason(), HasSubstr("stage ranks: job-"));
  EXPECT_FALSE(files_.Has("/out/"));
  jobs_.fails.clear();
  const size_t before = jobs_.names().size();
  const auto resumed = Resume(*id);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  const pb::JobStatus end = RunToEnd(*resumed);
  EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
  EXPECT_LE(jobs_.names().size() - before, 4u) << "ranks 2 and 3, last, perhaps aside";
  EXPECT_TRUE(files_.Has("/out/"));
}

// The job of another stage is at its end when one fails.
TEST_F(PipelineDriverTest, WhatIsPublishedWhileAnotherStageFailsIsKeptForLater) {
  jobs_.fails = "p/ranks 2";
  jobs_.held = "p/aside";
  jobs_.publishes = "p/aside";
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  jobs_.WaitForJobs(3);  // ranks 1 and aside
  const pb::JobStatus failed = RunToEnd(*id);
  EXPECT_EQ(failed.state(), pb::JOB_STATE_FAILED);
  EXPECT_EQ(States(failed)["aside"], "DONE");
  jobs_.fails.clear();
  jobs_.held.clear();
  const size_t before = jobs_.names().size();
  const auto resumed = Resume(*id);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(RunToEnd(*resumed).state(), pb::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(jobs_.names().size() - before, 3u) << "ranks 2 and 3, last";
  EXPECT_EQ(*files_.ReadFile("/out/aside/part"), "by p/aside");
}

// It is the same command that goes on; a user's own file is not replaced by it all the same.
TEST_F(PipelineDriverTest, AResumedOneReplacesWhatTheEarlierOneWasToReplace) {
  for (const bool is_taken : {false, true}) {
    AddJobOutput(&files_, "/out", "job-earlier", "by an earlier one");
    pb::PipelineSpec spec = Spec();
    spec.set_overwrite(true);
    planner_.input_digest = is_taken ? "one" : "two";
    jobs_.fails = "p/last";
    const auto id = Submit(spec);
    ASSERT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_FAILED);
    jobs_.fails.clear();
    if (is_taken) files_.Add("/out/mine", "precious");
    const auto resumed = Resume(*id);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_TRUE(planner_.overwrite) << "else what is at /out is in its way";
    const pb::JobStatus end = RunToEnd(*resumed);
    EXPECT_EQ(end.state(), is_taken ? pb::JOB_STATE_FAILED : pb::JOB_STATE_SUCCEEDED)
        << end.reason();
    EXPECT_EQ(files_.Has("/out/last/part"), !is_taken);
    EXPECT_EQ(files_.Has("/out/mine"), is_taken);
    EXPECT_TRUE(files_.DeleteTree("/out").ok());
  }
}

TEST_F(PipelineDriverTest, WhatASuccessfulOneHasPublishedIsReplacedOnlyWhenThatIsSaid) {
  pb::PipelineSpec spec = Spec();
  spec.set_overwrite(true);
  const auto id = Submit(spec);
  ASSERT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_SUCCEEDED);
  const auto again = Resume(*id);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(planner_.overwrite) << "it may be somebody else's by now";
  RunToEnd(*again);
}

// What lies there is newer, and nobody who goes on with the older one may know of it.
TEST_F(PipelineDriverTest, WhatALaterOneHasPublishedIsReplacedOnlyWhenThatIsSaid) {
  pb::PipelineSpec older = Spec();
  older.set_overwrite(true);
  jobs_.fails = "p/last";
  const auto failed = Submit(older);
  ASSERT_EQ(RunToEnd(*failed).state(), pb::JOB_STATE_FAILED);
  jobs_.fails.clear();
  pb::PipelineSpec newer = Spec();
  newer.set_output_path("/elsewhere");
  planner_.input_digest = "of the next day";
  ASSERT_EQ(RunToEnd(*Submit(newer)).state(), pb::JOB_STATE_SUCCEEDED);
  pb::SubmitPipelineRequest look;
  look.set_again(*failed);
  look.set_dry_run(true);
  ASSERT_TRUE(driver_->Submit(look).ok());
  EXPECT_TRUE(planner_.overwrite) << "that one is not in its way";
  jobs_.newer_outputs = {"/out/of/a/job"};
  ASSERT_TRUE(driver_->Submit(look).ok());
  EXPECT_FALSE(planner_.overwrite) << "a job may also have published there";
  jobs_.newer_outputs.clear();
  newer.set_output_path("/out");
  const auto next = Submit(newer);
  ASSERT_EQ(RunToEnd(*next).state(), pb::JOB_STATE_SUCCEEDED);
  planner_.input_digest = "as it was";
  for (const bool restarted : {false, true}) {
    if (restarted) Restart(/*power_cut=*/true);
    const auto resumed = Resume(*failed);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    EXPECT_FALSE(planner_.overwrite);
    EXPECT_EQ(RunToEnd(*resumed).state(), pb::JOB_STATE_FAILED);
    EXPECT_THAT(*files_.ReadFile("/out/_MANIFEST.json"), HasSubstr(*next));
  }
  EXPECT_EQ(RunToEnd(*Resume(*failed, /*overwrite=*/true)).state(), pb::JOB_STATE_SUCCEEDED);
}

// It was there before, but ended afterwards.
TEST_F(PipelineDriverTest, ALaterOneIsAlsoOneThatRanForLonger) {
  pb::PipelineSpec spec = Spec();
  spec.set_overwrite(true);
  jobs_.hold = true;
  const auto slow = Submit(spec);
  planner_.input_digest = "another";
  const auto quick = Submit(spec);
  ASSERT_TRUE(driver_->Kill(*quick, "enough").ok());
  ASSERT_EQ(RunToEnd(*quick).state(), pb::JOB_STATE_KILLED);
  jobs_.hold = false;
  ASSERT_EQ(RunToEnd(*slow).state(), pb::JOB_STATE_SUCCEEDED);
  pb::SubmitPipelineRequest look;
  look.set_again(*quick);
  look.set_dry_run(true);
  ASSERT_TRUE(driver_->Submit(look).ok());
  EXPECT_FALSE(planner_.overwrite);
}

// What `mr` brought along cannot be brought again by `mr rerun`.
TEST_F(PipelineDriverTest, PluginsAreInUseUntilAPipelineHasSucceeded) {
  const auto in_use = [&] {
    StringSet paths;
    driver_->AddPluginsInUse(&paths);
    return paths;
  };
  pb::PipelineSpec spec = Spec();
  pb::JobSpec* const job = spec.mutable_stages(2)->mutable_job();
  job->mutable_plugin()->set_path("/.quern/plugins/1.so");
  job->add_files()->mutable_file()->set_path("/.quern/plugins/2.data");
  const auto run = [&](const std::string& fails) {
    jobs_.fails = fails;
    const auto id = Submit(spec);
    return RunToEnd(*id).state();
  };
  ASSERT_EQ(run(""), pb::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(in_use(), IsEmpty());
  spec.set_output_path("/other");
  // Also where nothing is kept: everything runs again, or what another one has kept is used.
  for (const std::string fails : {"p/first", "p/last"}) {
    planner_.input_digest = fails;
    StartDriver({.max_ended = 1});
    ASSERT_EQ(run(fails), pb::JOB_STATE_FAILED);
    for (const bool restarted : {false, true}) {
      if (restarted) Restart(/*power_cut=*/false);
      EXPECT_THAT(in_use(), IsSupersetOf({"/.quern/plugins/1.so", "/.quern/plugins/2.data"}))
          << fails;
    }
  }
  spec.set_output_path("/kept");
  planner_.input_digest = "kept";
  spec.set_keep(true);
  StartDriver({.max_ended = 1});
  ASSERT_EQ(run(""), pb::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(driver_->List({.most = 10}).size(), 1u);
  EXPECT_THAT(in_use(), IsSupersetOf({"/.quern/plugins/1.so"})) << "what is kept is to be used";
}

TEST_F(PipelineDriverTest, AKilledOneStopsItsJobsAlsoAfterARestart) {
  for (const bool restart : {false, true}) {
    pb::PipelineSpec spec = Spec();
    planner_.input_digest = restart ? "one" : "two";
    jobs_.hold = true;
    const size_t before = jobs_.names().size();
    const auto id = Submit(spec);
    jobs_.WaitForJobs(before + 1);
    ASSERT_TRUE(driver_->Kill(*id, "enough").ok());
    if (restart) Restart(/*power_cut=*/false);
    const pb::JobStatus end = RunToEnd(*id);
    EXPECT_EQ(end.state(), pb::JOB_STATE_KILLED);
    EXPECT_EQ(end.reason(), "enough");
    EXPECT_EQ(jobs_.names().size() - before, 1u);
    // The first answer may have been lost.
    const absl::Status again = driver_->Kill(*id, "again");
    EXPECT_TRUE(again.ok()) << again;
    EXPECT_EQ(driver_->Get(*id)->reason(), "enough");
  }
}

TEST_F(PipelineDriverTest, WhatHasSucceededCannotBeKilled) {
  const auto id = Submit(Spec());
  ASSERT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_SUCCEEDED);
  const absl::Status killed = driver_->Kill(*id, "enough");
  EXPECT_EQ(killed.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(killed), *id + ": has ended already (SUCCEEDED)");
}

// The successor hears first of the end of what was stopped for the failure.
TEST_F(PipelineDriverTest, TheFirstFailureIsTheCauseAlsoAfterARestart) {
  for (const bool has_job : {true, false}) {
    planner_.input_digest = has_job ? "one" : "two";
    const size_t before = jobs_.names().size();
    jobs_.fails = "p/ranks 1";
    jobs_.held = "p/aside";
    jobs_.unavailable = "none";
    jobs_.refuse = [&](const std::string& name) {
      if (has_job || name != "p/ranks 1") return absl::OkStatus();
      jobs_.WaitForJobs(before + 2);  // of the others
      return InvalidArgumentError("no such class");
    };
    const auto id = Submit(Spec());
    const auto end_next = [&] { return jobs_.EndNext([] { return false; }); };
    driver_->JobEnded(end_next());
    jobs_.WaitForJobs(before + (has_job ? 3 : 2));
    pb::JobStatus failed;
    if (has_job) failed = end_next();
    if (has_job) driver_->JobEnded(failed);
    ASSERT_EQ(end_next().name(), "p/aside");
    jobs_.unavailable = "p/ranks";
    Restart(/*power_cut=*/false);
    const pb::JobStatus end = RunToEnd(*id);
    EXPECT_EQ(end.state(), pb::JOB_STATE_FAILED);
    EXPECT_THAT(end.reason(), HasSubstr("stage ranks: "));
    EXPECT_THAT(end.reason(), HasSubstr(has_job ? failed.job_id() : "no such class"));
    EXPECT_EQ(States(end)["ranks"], "FAILED");
    EXPECT_EQ(States(end)["aside"], "STOPPED");
    EXPECT_EQ(end.stages(1).job_id(), failed.job_id());
  }
}

TEST_F(PipelineDriverTest, WhatAnEndedOneWasIsKnownAfterARestart) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  const auto id = Submit(spec);
  const pb::JobStatus end = RunToEnd(*id);
  Restart(/*power_cut=*/true);
  EXPECT_EQ(driver_->Get(*id)->SerializeAsString(), end.SerializeAsString());
  const size_t before = jobs_.names().size();
  spec.set_output_path("/other");
  RunToEnd(*Submit(spec));
  EXPECT_EQ(jobs_.names().size() - before, 2u) << "only what is published";
}

TEST_F(PipelineDriverTest, WhatWasTakenOverIsFreeWhenTheStageHasGoneOn) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  jobs_.fails = "p/ranks 3";
  const auto failed = Submit(spec);
  ASSERT_EQ(RunToEnd(*failed).state(), pb::JOB_STATE_FAILED);
  jobs_.fails.clear();
  jobs_.last_round = 4;
  const size_t before = jobs_.names().size();
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
  EXPECT_LE(jobs_.names().size() - before, 4u) << "ranks 3 and 4, last, perhaps aside";
  EXPECT_TRUE(driver_->Drop(*failed).ok()) << driver_->Drop(*failed);
}

TEST_F(PipelineDriverTest, NothingIsLeftOfRoundsThatNobodyReads) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  spec.mutable_stages(1)->mutable_job()->add_outputs()->set_name("side");
  const auto id = Submit(spec);
  ASSERT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_SUCCEEDED);
  const std::string ranks = fmt::format("/.quern/pipelines/{}/ranks/", *id);
  for (const std::string gone : {"0001/", "0001.side/", "0002/", "0002.side/"}) {
    EXPECT_TRUE(Eventually([&] { return !files_.Has(ranks + gone); })) << gone;
  }
  EXPECT_TRUE(files_.Has(ranks + "0003.side/"));
}

TEST_F(PipelineDriverTest, OneThatCannotBeReadLeavesNothingBehind) {
  const std::string id = "pipeline-20991122-0009";
  pb::JournalRecord record;
  record.mutable_pipeline_submitted()->set_pipeline_id(id);  // without a stage
  ASSERT_TRUE(journal_->Append({{jobs_.ReserveKey(), record}}, JobJournal::Sync::kDurable).ok());
  files_.Add("/.quern/pipelines/" + id + "/first/", "");
  Restart(/*power_cut=*/false);
  EXPECT_TRUE(Eventually([&] { return !files_.Has("/.quern/pipelines/" + id + "/first/"); }));
  const auto next = Submit(Spec());
  EXPECT_EQ(*next, "pipeline-20991122-0010") << "it may be removed much later";
  RunToEnd(*next);
}

// What it finds between the stages of the lost one is not its own.
TEST_F(PipelineDriverTest, OneThatHasLostItsJournalGivesNoIdOutAgain) {
  jobs_.hold = true;
  const auto lost = Submit(Spec());
  ASSERT_TRUE(lost.ok()) << lost.status();
  jobs_.WaitForJobs(1);
  storage_ = NewMemoryJournalStorage();
  StartDriver();
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_NE(*id, *lost);
  ASSERT_TRUE(driver_->Kill(*id, "enough").ok());
  EXPECT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_KILLED);
  EXPECT_TRUE(files_.Has("/.quern/pipelines/" + *lost + "/"));
}

// Nothing lies in the file system that nobody knows.
TEST_F(PipelineDriverTest, OneThatDiesBeforeTheDirectoryIsMadeHasItMadeByTheNext) {
  const auto left = NewMemoryJournalStorage();
  std::string dir;
  files_.before_mkdir = [&](const std::string& path) {
    dir = path + "/";
    CutPower(storage_.get());
    const auto copy = OpenMemoryJournal(left);
    const auto add = [&](JobKey key, const absl::StatusOr<pb::JournalRecord>& record) {
      return copy->Append({{key, *record}}, JobJournal::Sync::kDurable);
    };
    EXPECT_TRUE(journal_->ReadAll(add).ok());
    return UnavailableError("nobody answers");
  };
  EXPECT_FALSE(Submit(Spec()).ok());
  driver_.reset();
  int refusals = 2;
  files_.before_mkdir = [&](const std::string&) {
    return refusals-- > 0 ? UnavailableError("nobody answers") : absl::OkStatus();
  };
  storage_ = left;
  StartDriver({.retry = absl::ZeroDuration()});
  jobs_.WaitForJobs(1);
  EXPECT_TRUE(files_.Has(dir));
  const std::string id = driver_->List({.most = 1}).at(0).job_id();
  EXPECT_EQ(dir, PipelineDir(id) + "/");
  EXPECT_EQ(RunToEnd(id).state(), pb::JOB_STATE_SUCCEEDED);
  driver_.reset();
}

TEST_F(PipelineDriverTest, OneWhoseDirectoryIsRefusedIsNoPipeline) {
  std::string made;
  files_.before_mkdir = [&](const std::string& path) {
    made = path + "/";
    files_.Add(made, "");
    return DeadlineExceededError("nobody knows");
  };
  for (const bool dies : {true, false}) {
    driver_.reset();
    files_.unreachable_deletes = dies ? 1'000'000 : 0;
    StartDriver();
    const auto refused = Submit(Spec());
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_THAT(std::string(Message(refused.status())), HasSubstr("directory of the pipeline"));
    EXPECT_THAT(driver_->List({.most = 10}), IsEmpty());
    if (dies) {
      driver_.reset();
      files_.unreachable_deletes = 0;
      StartDriver();
      EXPECT_THAT(driver_->List({.most = 10}), IsEmpty()) << "its user was told that there is none";
      const std::string earlier = made;
      EXPECT_FALSE(Submit(Spec()).ok());
      EXPECT_NE(made, earlier) << "which was to be removed";
      EXPECT_TRUE(Eventually([&] { return !files_.Has(earlier); }));
    }
    EXPECT_TRUE(Eventually([&] { return CountRecords() == 0; }));
    EXPECT_FALSE(files_.Has(made));
  }
  EXPECT_THAT(jobs_.names(), IsEmpty());
}

// By somebody who knows nothing of this journal, after it was found free.
TEST_F(PipelineDriverTest, WhatHasComeInBetweenStaysAndAnotherIdIsTaken) {
  std::string theirs;
  files_.before_mkdir = [&](const std::string& path) {
    if (theirs.empty()) files_.Add(theirs = path + "/first/part", "theirs");
    return absl::OkStatus();
  };
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_FALSE(theirs.starts_with(PipelineDir(*id) + "/"));
  EXPECT_EQ(RunToEnd(*id).state(), pb::JOB_STATE_SUCCEEDED);
  Restart(/*power_cut=*/true);
  EXPECT_EQ(driver_->List({.most = 10}).size(), 1u);
  EXPECT_TRUE(files_.Has(theirs));
}

TEST_F(PipelineDriverTest, ASubmissionThatIsRepeatedWhileItIsPlannedIsOne) {
  pb::SubmitPipelineRequest request;
  request.mutable_header()->set_client_id(7);
  request.mutable_header()->set_request_id(100);
  *request.mutable_spec() = Spec();
  absl::Status repeated;
  planner_.while_planning = [&] { repeated = driver_->Submit(request).status(); };
  const auto first = driver_->Submit(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(repeated.code(), absl::StatusCode::kUnavailable) << repeated;
  EXPECT_EQ(driver_->Submit(request)->pipeline_id(), first->pipeline_id());
  EXPECT_EQ(driver_->List({.most = 10}).size(), 1u);
  RunToEnd(first->pipeline_id());
}

TEST_F(PipelineDriverTest, ASubmissionThatComesTwiceIsOne) {
  pb::SubmitPipelineRequest request;
  request.mutable_header()->set_client_id(7);
  request.mutable_header()->set_request_id(100);
  *request.mutable_spec() = Spec();
  const auto first = driver_->Submit(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(driver_->Submit(request)->pipeline_id(), first->pipeline_id());
  RunToEnd(first->pipeline_id());
}

}  // namespace
}  // namespace quern::mr
