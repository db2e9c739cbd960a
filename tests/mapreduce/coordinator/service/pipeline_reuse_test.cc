// What a pipeline takes from earlier ones instead of running it again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/mapreduce/coordinator/service/pipeline_fixture.h"

namespace quern::mr {
namespace {

class PipelineReuseTest : public PipelineDriverTest {};

TEST_F(PipelineReuseTest, AChangedLastStageCostsOneStage) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  spec.mutable_stages()->RemoveLast();
  RunToEnd(*Submit(spec));
  (*spec.mutable_stages(2)->mutable_job()->mutable_params())["n"] = "3";
  spec.set_output_path("/other");
  const size_t before = jobs_.names().size();
  const pb::JobStatus end = RunToEnd(*Submit(spec));
  EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
  EXPECT_EQ(jobs_.names().size() - before, 1u);
  EXPECT_EQ(States(end)["first"], "NOT_NEEDED");
  EXPECT_EQ(States(end)["ranks"], "REUSED");
  EXPECT_EQ(States(end)["last"], "DONE");
}

// a -> b -> c. What a and c make is published below /out, of b only what it rejects: what c reads
// of it lies between the stages.
pb::PipelineSpec PublishedChain() {
  pb::PipelineSpec spec;
  spec.set_name("p");
  spec.set_output_path("/out");
  spec.set_keep(true);
  spec.set_overwrite(true);
  const auto add = [&](const std::string& name, const std::string& input) {
    pb::PipelineStage* stage = spec.add_stages();
    stage->set_name(name);
    stage->mutable_job()->add_inputs()->set_path(input);
    stage->mutable_job()->mutable_output()->set_path(name);
    return stage->mutable_job();
  };
  add("a", "/in");
  pb::JobSpec* b = add("b", "@a");
  b->mutable_output()->clear_path();
  b->add_outputs()->set_name("rejected");
  b->mutable_outputs(0)->mutable_output()->set_path("rejected/b");
  b->add_outputs()->set_name("side");
  add("c", "@b")->add_inputs()->set_path("@b.side");
  return spec;
}

TEST_F(PipelineReuseTest, WhatIsPublishedAndUnchangedStaysWhereItIs) {
  pb::PipelineSpec spec = PublishedChain();
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
  files_.Add("/out/a/part", "BY p/a");  // this very file
  for (const bool restart : {false, true}) {
    if (restart) Restart(/*power_cut=*/true);
    (*spec.mutable_stages(2)->mutable_job()->mutable_params())["n"] = restart ? "3" : "2";
    const size_t before = jobs_.names().size();
    const pb::JobStatus end = RunToEnd(*Submit(spec));
    EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
    EXPECT_EQ(jobs_.names().size() - before, 1u);
    EXPECT_EQ(States(end)["a"], "REUSED") << "nobody reads it again, but it is to be there";
    EXPECT_EQ(*files_.ReadFile("/out/a/part"), "BY p/a");
    EXPECT_TRUE(files_.Has("/out/rejected/b/part"));
    EXPECT_TRUE(files_.Has("/out/c/part"));
  }
}

TEST_F(PipelineReuseTest, WhatCountersMeanIsToldAndChangesNoOutput) {
  pb::PipelineSpec spec = PublishedChain();
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
  spec.mutable_stages(0)->mutable_job()->mutable_counter_meanings()->add_read("documents");
  (*spec.mutable_stages(2)->mutable_job()->mutable_params())["n"] = "2";
  const auto id = Submit(spec);
  const auto check = [](const pb::JobStatus& status) {
    ASSERT_EQ(status.stages_size(), 3);
    ASSERT_EQ(status.stages(0).counter_meanings().read_size(), 1);
    EXPECT_EQ(status.stages(0).counter_meanings().read(0), "documents");
    EXPECT_FALSE(status.stages(1).has_counter_meanings());
  };
  pb::JobStatus end = RunToEnd(*id);
  EXPECT_EQ(States(end)["a"], "REUSED");
  check(end);
  Restart(/*power_cut=*/true);
  check(*driver_->Get(*id));
}

TEST_F(PipelineReuseTest, EveryOutputOfAStageMustBeThere) {
  pb::PipelineSpec spec = PublishedChain();
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
  ASSERT_TRUE(files_.DeleteTree("/out/rejected/b").ok());
  const size_t before = jobs_.names().size();
  const pb::JobStatus end = RunToEnd(*Submit(spec));
  EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
  EXPECT_EQ(jobs_.names().size() - before, 1u) << "only the stage whose named output was gone";
  EXPECT_EQ(States(end)["b"], "DONE");
  EXPECT_TRUE(files_.Has(fmt::format("/out/rejected/b/{}", kManifestName)));
}

// The manifest is there still and names the job.
TEST_F(PipelineReuseTest, AnOutputWhosePartsWereTouchedIsMadeAgain) {
  pb::PipelineSpec spec = PublishedChain();
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
  const std::vector<std::function<void()>> changes = {
      [&] { files_.Remove("/out/a/part"); },
      [&] { files_.Remove(fmt::format("/out/a/{}", kSuccessName)); },
      [&] { files_.Add("/out/a/part", "by somebody else"); },
      [&] { files_.SetTime("/out/a/part", absl::UnixEpoch() + absl::Seconds(1)); }};
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i]();
    (*spec.mutable_stages(2)->mutable_job()->mutable_params())["n"] = std::to_string(i);
    const auto again = Submit(spec);
    EXPECT_NE(States(*driver_->Get(*again))["a"], "REUSED") << i;
    EXPECT_EQ(RunToEnd(*again).state(), pb::JOB_STATE_SUCCEEDED) << i;
    EXPECT_EQ(*files_.ReadFile("/out/a/part"), "by p/a") << i;
    files_.SetTime("/out/a/part", absl::UnixEpoch());
  }
  files_.Add("/out/a/another", "of somebody");
  const auto beside = Submit(spec);
  EXPECT_NE(States(*driver_->Get(*beside))["a"], "REUSED") << "the next stage would read it";
  EXPECT_EQ(RunToEnd(*beside).state(), pb::JOB_STATE_FAILED) << "and it is not replaced";
  EXPECT_TRUE(files_.Has("/out/a/another"));
}

TEST_F(PipelineReuseTest, WhatAFailedOneHasFinishedIsPublishedByTheNext) {
  for (const bool restart : {false, true}) {
    pb::PipelineSpec spec = PublishedChain();
    spec.set_output_path(restart ? "/second" : "/first");
    spec.set_keep(restart);
    planner_.input_digest = spec.output_path();
    jobs_.fails = "p/c";
    ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_FAILED);
    jobs_.fails.clear();
    if (restart) Restart(/*power_cut=*/true);
    const size_t before = jobs_.names().size();
    const auto again = Submit(spec);
    const pb::JobStatus end = RunToEnd(*again, restart ? 1 : -1);
    EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
    EXPECT_EQ(jobs_.names().size() - before, 1u);
    EXPECT_EQ(*files_.ReadFile(spec.output_path() + "/a/part"), "by p/a");
    EXPECT_TRUE(files_.Has(spec.output_path() + "/rejected/b/part"));
  }
}

TEST_F(PipelineReuseTest, WhatIsTakenFromAnEarlierOneIsTakenByOne) {
  pb::PipelineSpec spec = PublishedChain();
  jobs_.fails = "p/c";
  ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_FAILED);
  jobs_.fails.clear();
  const auto first = Submit(spec);
  spec.set_output_path("/other");
  const auto second = Submit(spec);
  EXPECT_EQ(States(*driver_->Get(*first))["b"], "REUSED");
  EXPECT_NE(States(*driver_->Get(*second))["b"], "REUSED") << "the other one is going to move it";
  for (const std::string& id : {*first, *second}) {
    const pb::JobStatus end = RunToEnd(id);
    EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
  }
  EXPECT_TRUE(files_.Has("/out/a/part"));
  EXPECT_TRUE(files_.Has("/other/a/part"));
}

TEST_F(PipelineReuseTest, ChangedInputsCostEverything) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  RunToEnd(*Submit(spec));
  const size_t before = jobs_.names().size();
  planner_.input_digest = "another";
  spec.set_output_path("/other");
  RunToEnd(*Submit(spec));
  EXPECT_EQ(jobs_.names().size() - before, 6u);
}

// Files came after the pipeline was accepted, before its first stage listed them.
TEST_F(PipelineReuseTest, WhatWasMadeOfOtherInputsIsNotTakenForThose) {
  for (const bool restart : {false, true}) {
    pb::PipelineSpec spec = Spec();
    spec.set_keep(true);
    spec.set_output_path(restart ? "/one" : "/two");
    planner_.input_digest = spec.output_path();
    planner_.changes_under = "first";
    ASSERT_EQ(RunToEnd(*Submit(spec), restart ? 1 : -1, /*told=*/true).state(),
              pb::JOB_STATE_SUCCEEDED);
    planner_.changes_under.clear();
    for (const size_t jobs : {6u, 2u}) {  // those that they were found to be are again
      const size_t before = jobs_.names().size();
      spec.set_output_path(fmt::format("/other{}{}", restart, jobs));
      ASSERT_EQ(RunToEnd(*Submit(spec)).state(), pb::JOB_STATE_SUCCEEDED);
      EXPECT_EQ(jobs_.names().size() - before, jobs);
    }
  }
}

TEST_F(PipelineReuseTest, ALargerMaxGoesOnWhereTheSmallerOneEnded) {
  const auto count = [&](const std::string& name) {
    const std::vector<std::string> names = jobs_.names();
    return std::count(names.begin(), names.end(), name);
  };
  for (const bool fails : {true, false}) {
    SCOPED_TRACE(fails);
    pb::PipelineSpec spec = Spec();
    spec.set_keep(true);
    spec.set_output_path(fails ? "/one" : "/two");
    planner_.input_digest = spec.output_path();
    spec.mutable_stages(1)->mutable_repeat()->set_max(2);
    spec.mutable_stages(1)->mutable_repeat()->set_fail_at_max(fails);
    const auto first = count("p/ranks 1");
    const auto third = count("p/ranks 3");
    const auto last = count("p/last");
    const auto small = Submit(spec);
    EXPECT_EQ(RunToEnd(*small).state(), fails ? pb::JOB_STATE_FAILED : pb::JOB_STATE_SUCCEEDED);
    if (fails) {
      const pb::JobStatus again = RunToEnd(*Resume(*small));
      EXPECT_EQ(again.state(), pb::JOB_STATE_FAILED);
      EXPECT_EQ(again.reason(),
                "stage ranks: has not come to its end after 2 rounds. Try: the same mr run with "
                "--set ranks.repeat.max=N, more than 2, which goes on from there");
      EXPECT_EQ(count("p/ranks 3"), third);
    }
    spec.mutable_stages(1)->mutable_repeat()->set_max(9);
    spec.set_output_path(fails ? "/three" : "/four");
    const pb::JobStatus end = RunToEnd(*Submit(spec));
    EXPECT_EQ(end.state(), pb::JOB_STATE_SUCCEEDED) << end.reason();
    EXPECT_EQ(count("p/ranks 1"), first + 1);
    EXPECT_EQ(count("p/ranks 3"), third + 1);
    EXPECT_EQ(count("p/last"), last + (fails ? 1 : 2)) << "it reads another round";
  }
}

// However many have left more of them than the stage has now.
TEST(PipelineTable, FindsRoundsThatAStageCanGoOnFrom) {
  PipelineTable table;
  for (uint32_t i = 1; i <= 20; ++i) {
    auto pipeline = std::make_unique<Pipeline>();
    pipeline->key = JobKey(i);
    pipeline->id = fmt::format("pipeline-20261122-{:04}", i);
    pipeline->final_status = pb::JobStatus();
    pb::StageOutput& output = pipeline->kept_outputs.emplace_back();
    output.set_fingerprint("f");
    output.set_job_id(fmt::format("job-20261122-{:04}", i));
    output.set_rounds(i == 1 ? 2 : 5);
    table.Add(std::move(pipeline));
  }
  pb::PipelineStage stage;
  stage.mutable_repeat()->set_until("moved == 0");
  stage.mutable_repeat()->set_max(3);
  const std::vector<pb::StageOutput> found = table.FindOutputs("f", stage);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rounds(), 2u);
  stage.mutable_repeat()->set_max(9);
  EXPECT_EQ(table.FindOutputs("f", stage).size(), 8u) << "each is looked for";
}

TEST_F(PipelineReuseTest, WhatIsGoneIsMadeAgain) {
  pb::PipelineSpec spec = Spec();
  spec.set_keep(true);
  const auto id = Submit(spec);
  RunToEnd(*id);
  const size_t before = jobs_.names().size();
  ASSERT_TRUE(driver_->Drop(*id).ok());
  spec.set_output_path("/other");
  RunToEnd(*Submit(spec));
  EXPECT_EQ(jobs_.names().size() - before, 6u);
}

TEST_F(PipelineReuseTest, ASuccessGivesUpWhatAllThoseBeforeItHaveKept) {
  jobs_.fails = "p/last";
  std::vector<std::string> failed = {*Submit(Spec())};
  ASSERT_EQ(RunToEnd(failed[0]).state(), pb::JOB_STATE_FAILED);
  for (int i = 0; i < 2; ++i) {
    failed.push_back(*Resume(failed.back()));
    ASSERT_EQ(RunToEnd(failed.back()).state(), pb::JOB_STATE_FAILED);
  }
  const auto left = [&](const std::string& id) {
    return files_.Has(fmt::format("/.quern/pipelines/{}/ranks/0003/", id));
  };
  ASSERT_TRUE(left(failed[0]));
  jobs_.fails.clear();
  const auto last = Resume(failed.back());
  ASSERT_EQ(RunToEnd(*last).state(), pb::JOB_STATE_SUCCEEDED);
  for (const std::string& id : failed) {
    EXPECT_TRUE(Eventually([&] { return !left(id); })) << id;
  }
}

// Its coordinator died after the last record of the one and before that of the other.
TEST_F(PipelineReuseTest, WhatASuccessGivesUpIsGivenUpAtTheNextStart) {
  jobs_.fails = "p/last";
  const auto failed = Submit(Spec());
  ASSERT_EQ(RunToEnd(*failed).state(), pb::JOB_STATE_FAILED);
  std::optional<std::pair<JobKey, pb::JournalRecord>> kept;
  ASSERT_TRUE(journal_
                  ->ReadAll([&](JobKey key, const absl::StatusOr<pb::JournalRecord>& record) {
                    kept.emplace(key, *record);
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(kept && kept->second.pipeline_finished().kept());
  jobs_.fails.clear();
  ASSERT_EQ(RunToEnd(*Resume(*failed)).state(), pb::JOB_STATE_SUCCEEDED);
  const std::string left = fmt::format("/.quern/pipelines/{}/ranks/0003/", *failed);
  ASSERT_TRUE(Eventually([&] { return !files_.Has(left); }));
  driver_.reset();
  ASSERT_TRUE(journal_->Finish(kept->first, kept->second, nullptr).ok());
  files_.Add(left, "");
  StartDriver();
  EXPECT_TRUE(Eventually([&] { return !files_.Has(left); }));
}

// It would be 0 in every round, and the first the last one.
TEST_F(PipelineReuseTest, ACounterThatNoRoundMakesIsAFailure) {
  jobs_.counter = "mvoed";
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  const pb::JobStatus end = RunToEnd(*id, /*restart_after=*/2);
  EXPECT_EQ(end.state(), pb::JOB_STATE_FAILED);
  EXPECT_THAT(end.reason(),
              testing::HasSubstr("stage ranks: repeat: until: 'moved == 0': counter moved: "
                                 "no task of stage ranks has made it; its own are mvoed"));
  EXPECT_EQ(jobs_.spec("p/ranks 2").name(), "");
  EXPECT_FALSE(files_.Has("/out/last/part"));
}

// Its job has ended well while another stage failed.
TEST_F(PipelineReuseTest, ARoundWithoutItsCounterIsNotTakenUpWhereItsPipelineWasStopped) {
  jobs_.counter = "mvoed";
  jobs_.fails = "p/aside";
  jobs_.held = "p/ranks 1";
  jobs_.publishes = "p/ranks 1";
  const auto id = Submit(Spec());
  ASSERT_TRUE(id.ok()) << id.status();
  driver_->JobEnded(jobs_.EndNext([] { return false; }));
  jobs_.WaitForJobs(3);  // ranks 1 and aside
  const pb::JobStatus failed = RunToEnd(*id);
  EXPECT_EQ(failed.state(), pb::JOB_STATE_FAILED);
  EXPECT_THAT(failed.reason(), testing::HasSubstr("stage aside"));
  jobs_.fails = "";
  jobs_.held = "";
  const pb::JobStatus again = RunToEnd(*Resume(*id));
  EXPECT_EQ(again.state(), pb::JOB_STATE_FAILED);
  EXPECT_THAT(again.reason(), testing::HasSubstr("stage ranks: repeat: until: 'moved == 0': "));
}

}  // namespace
}  // namespace quern::mr
