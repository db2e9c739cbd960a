#include "mapreduce/coordinator/service/pipeline_publisher.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "mapreduce/engine/manifest.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/mapreduce/coordinator/service/namespace_files.h"

namespace quern::mr {
namespace {

void AddOutput(FakeFiles* files, const std::string& path, const std::string& job_id) {
  AddJobOutput(files, path, job_id, "by " + job_id);
}

// Two stages that publish below /out, and one that publishes at /alone.
PipelinePublishPlan Plan() {
  PipelinePublishPlan plan;
  plan.pipeline_id = "pipeline-20261122-0001";
  plan.output_path = "/out";
  const std::string dir = "/.quern/pipelines/pipeline-20261122-0001/";
  plan.outputs.push_back({dir + "a/0001", "job-1", "/out/a", "a"});
  plan.outputs.push_back({dir + "b/0001", "job-2", "/out/deep/b", "deep/b"});
  plan.outputs.push_back({dir + "c/0001", "job-3", "/alone", ""});
  return plan;
}

void AddSources(const PipelinePublishPlan& plan, FakeFiles* files) {
  for (const auto& output : plan.outputs) AddOutput(files, output.source, output.job_id);
}

// Publishes, dies at each of its calls in turn, before or after it is done, and publishes again.
// `top` and the file of the output "a" are there both or not at all; `end` looks at what has come.
void DieEverywhere(const PipelinePublishPlan& plan, const std::string& top,
                   const std::function<void(FakeFiles*)>& end) {
  for (int calls = 0; calls < 40; ++calls) {
    for (const bool after_doing : {false, true}) {
      FakeFiles files;
      AddSources(plan, &files);
      files.calls_left = calls;
      files.fails_after_doing = after_doing;
      const bool done = PublishPipeline(plan, &files).ok();
      EXPECT_EQ(files.Has("/out/a/part"), files.Has(top)) << "all or nothing";
      files.calls_left = 1'000'000;
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_TRUE(status.ok()) << calls << " " << status;
      end(&files);
      EXPECT_TRUE(done || calls < 39) << "there are more calls than were tried";
    }
  }
}

TEST(PipelinePublisher, ComesToTheSameEndWhereverItDied) {
  DieEverywhere(Plan(), "/alone/part", [](FakeFiles* files) {
    EXPECT_EQ(*files->ReadFile("/out/a/part"), "by job-1");
    EXPECT_EQ(*files->ReadFile("/out/deep/b/part"), "by job-2");
    EXPECT_EQ(*files->ReadFile("/alone/part"), "by job-3");
  });
}

TEST(PipelinePublisher, WithdrawsAllOrNothingWhereverItDied) {
  const PipelinePublishPlan plan = Plan();
  for (int calls = 0; calls < 40; ++calls) {
    for (const bool after_doing : {false, true}) {
      FakeFiles files;
      AddSources(plan, &files);
      files.calls_left = calls;
      files.fails_after_doing = after_doing;
      PublishPipeline(plan, &files).IgnoreError();
      const bool appeared = files.Has("/alone/part");
      files.calls_left = 1'000'000;
      for (int again = 0; again < 2; ++again) {
        const absl::StatusOr<bool> withdrawn = WithdrawPipeline(plan, &files);
        ASSERT_TRUE(withdrawn.ok()) << calls << " " << withdrawn.status();
        EXPECT_EQ(*withdrawn, !appeared) << calls;
      }
      for (const auto& output : plan.outputs) {
        EXPECT_EQ(files.Has(output.target + "/part"), appeared) << calls << output.target;
        EXPECT_EQ(files.Has(output.source + "/part"), !appeared) << calls << output.source;
      }
    }
  }
}

// /out of an earlier run: a and deep/b stay, deep/c is replaced, old and deep/old are of no use.
PipelinePublishPlan PlanBeside() {
  PipelinePublishPlan plan;
  plan.pipeline_id = "pipeline-20261122-0002";
  plan.output_path = "/out";
  plan.overwrite = true;
  const std::string dir = "/.quern/pipelines/pipeline-20261122-0002/";
  plan.outputs.push_back({dir + "c/0001", "job-5", "/out/deep/c", "deep/c"});
  plan.outputs.push_back({dir + "d/0001", "job-6", "/out/new/d", "new/d"});
  plan.in_place.push_back({"/out/a", "job-1", "/out/a", "a"});
  plan.in_place.push_back({"/out/deep/b", "job-2", "/out/deep/b", "deep/b"});
  return plan;
}

void AddEarlier(FakeFiles* files) {
  files->Add("/out/", "");
  files->Add("/out/deep/", "");
  Manifest manifest;
  manifest.job_id = "pipeline-20261122-0001";
  manifest.directories = {"a", "deep", "old"};
  files->Add(fmt::format("/out/{}", kManifestName), FormatManifest(manifest));
  files->Add(fmt::format("/out/{}", kSuccessName), "");
  AddOutput(files, "/out/a", "job-1");
  AddOutput(files, "/out/deep/b", "job-2");
  AddOutput(files, "/out/deep/c", "job-3");
  AddOutput(files, "/out/old", "job-4");
  AddOutput(files, "/out/deep/old", "job-4");
}

TEST(PipelinePublisher, ChangesADirectoryAroundWhatStays) {
  const PipelinePublishPlan plan = PlanBeside();
  for (int calls = 0; calls < 40; ++calls) {
    for (const bool after_doing : {false, true}) {
      FakeFiles files;
      AddSources(plan, &files);
      AddEarlier(&files);
      files.calls_left = calls;
      files.fails_after_doing = after_doing;
      const bool done = PublishPipeline(plan, &files).ok();
      const bool changed = files.Has("/out/new/d/part");
      EXPECT_EQ(files.Has("/out/old/part"), !changed) << "one change";
      EXPECT_EQ(*files.ReadFile("/out/deep/c/part"), changed ? "by job-5" : "by job-3");
      files.calls_left = 1'000'000;
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_TRUE(status.ok()) << calls << " " << status;
      EXPECT_EQ(*files.ReadFile("/out/a/part"), "by job-1");
      EXPECT_EQ(*files.ReadFile("/out/deep/b/part"), "by job-2");
      EXPECT_EQ(*files.ReadFile("/out/deep/c/part"), "by job-5");
      EXPECT_FALSE(files.Has("/out/deep/old/part"));
      const std::string manifest = *files.ReadFile(fmt::format("/out/{}", kManifestName));
      for (const std::string name : {"\"a\"", "\"deep\"", "\"new\""}) {
        EXPECT_NE(manifest.find(name), std::string::npos) << manifest;
      }
      EXPECT_TRUE(done || calls < 39) << "there are more calls than were tried";
    }
  }
}

// Whatever it moves; also when a later try has failed for good.
TEST(PipelinePublisher, AChangeThatIsStillOnItsWayHasNoEffectOnceItIsGivenUp) {
  PipelinePublishPlan alone = Plan();
  alone.outputs.erase(alone.outputs.begin(), alone.outputs.begin() + 2);
  const std::vector<PipelinePublishPlan> plans = {Plan(), alone, PlanBeside()};
  for (size_t turn = 0; turn < 2 * plans.size(); ++turn) {
    const PipelinePublishPlan& plan = plans[turn / 2];
    FakeFiles files;
    AddSources(plan, &files);
    if (plan.overwrite) AddEarlier(&files);
    files.refusal = UnavailableError("nobody answers");
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kUnavailable);
    const PublishFiles::Moves late = files.last_moves;
    files.refusal = InvalidArgumentError("too many");
    EXPECT_FALSE(turn % 2 == 0 && PublishPipeline(plan, &files).ok());
    EXPECT_TRUE(turn % 2 == 0 || WithdrawPipeline(plan, &files).value_or(false));
    files.refusal = absl::OkStatus();
    EXPECT_FALSE(files.RenameAll(late, plan.overwrite).ok());
    for (const auto& output : plan.outputs) {
      EXPECT_TRUE(*IsWhole(output.source, output.job_id, &files)) << output.source;
    }
  }
}

// By jobs whose ids a coordinator that has lost its journal has given out again.
TEST(PipelinePublisher, ReplacesWhatOtherJobsOfTheSameIdsHavePublished) {
  PipelinePublishPlan plan = Plan();
  plan.overwrite = true;
  for (int calls = 0; calls < 40; ++calls) {
    FakeFiles files;
    AddJobOutput(&files, "/out", "pipeline-20261121-0001", "earlier", {"a", "deep"});
    AddJobOutput(&files, "/out/a", "job-1", "earlier");
    AddJobOutput(&files, "/out/deep/b", "job-2", "earlier");
    AddJobOutput(&files, "/alone", "job-3", "earlier");
    AddSources(plan, &files);
    files.calls_left = calls;
    files.fails_after_doing = calls % 2 == 1;
    PublishPipeline(plan, &files).IgnoreError();
    files.calls_left = 1'000'000;
    const absl::Status status = PublishPipeline(plan, &files);
    EXPECT_TRUE(status.ok()) << calls << " " << status;
    EXPECT_EQ(*files.ReadFile("/out/a/part"), "by job-1");
    EXPECT_EQ(*files.ReadFile("/out/deep/b/part"), "by job-2");
    EXPECT_EQ(*files.ReadFile("/alone/part"), "by job-3");
  }
}

// The files of "." lie beside the directories of the others.
PipelinePublishPlan PlanWithTop() {
  PipelinePublishPlan plan = Plan();
  plan.outputs.insert(plan.outputs.begin() + 1,
                      {"/.quern/pipelines/pipeline-20261122-0001/top/0001", "job-7", "/out", "."});
  return plan;
}

void ExpectTop(FakeFiles* files, const std::string& job, const std::set<std::string>& names) {
  EXPECT_EQ(*files->ReadFile("/out/part"), "by " + job);
  EXPECT_EQ(*MakerOf("/out", files), job);
  const std::string manifest = *files->ReadFile(fmt::format("/out/{}", kManifestName));
  EXPECT_EQ(NamesInManifest(manifest)->directories, names) << manifest;
}

TEST(PipelinePublisher, FilesAtTheTopLieBesideTheOthers) {
  DieEverywhere(PlanWithTop(), "/out/part", [](FakeFiles* files) {
    ExpectTop(files, "job-7", {"a", "deep"});
    EXPECT_EQ(*files->ReadFile("/out/deep/b/part"), "by job-2");
  });
}

// The top is new and directories stay, or it stays and directories are new.
TEST(PipelinePublisher, FilesAtTheTopChangeAroundWhatStaysAndStay) {
  for (const bool top_stays : {false, true}) {
    PipelinePublishPlan plan = PlanBeside();
    const std::string made = "/.quern/pipelines/pipeline-20261122-0002/top/0001";
    (top_stays ? plan.in_place : plan.outputs)
        .push_back({top_stays ? "/out" : made, "job-8", "/out", "."});
    for (int calls = 0; calls < 40; ++calls) {
      FakeFiles files;
      AddSources(plan, &files);
      AddEarlier(&files);
      AddJobOutput(&files, top_stays ? "/out" : made, "job-8", "by job-8", {"a", "deep", "old"});
      files.calls_left = calls;
      files.fails_after_doing = calls % 2 == 1;
      PublishPipeline(plan, &files).IgnoreError();
      EXPECT_EQ(files.Has("/out/old/part"), !files.Has("/out/new/d/part"));
      files.calls_left = 1'000'000;
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_TRUE(status.ok()) << calls << " " << status;
      ExpectTop(&files, "job-8", {"a", "deep", "new"});
      EXPECT_EQ(*files.ReadFile("/out/a/part"), "by job-1");
      EXPECT_EQ(*files.ReadFile("/out/deep/c/part"), "by job-5");
      EXPECT_FALSE(files.Has("/out/old/part"));
    }
  }
}

// Every stage was spared, or only one that publishes elsewhere was not, and a stage of the earlier
// run is no longer part of the pipeline. Also where it is killed instead of tried again.
TEST(PipelinePublisher, WhatNoStageMakesAnyMoreGoesAlsoWhereNothingNewAppearsBesideIt) {
  for (const bool alone : {false, true}) {
    PipelinePublishPlan plan = PlanBeside();
    plan.outputs.clear();
    if (alone) {
      plan.outputs.push_back(
          {"/.quern/pipelines/pipeline-20261122-0002/e/0001", "job-7", "/alone", ""});
    }
    plan.in_place.push_back({"/out", "job-8", "/out", "."});
    for (int turn = 0; turn < 80; ++turn) {
      const int calls = turn % 40;
      FakeFiles files;
      AddSources(plan, &files);
      AddEarlier(&files);
      AddJobOutput(&files, "/out", "job-8", "by job-8", {"a", "deep", "old"});
      files.calls_left = calls;
      files.fails_after_doing = calls % 2 == 1;
      const bool done = PublishPipeline(plan, &files).ok();
      EXPECT_EQ(files.Has("/out/old/part"), files.Has("/out/deep/old/part")) << "one change";
      if (alone) {
        EXPECT_EQ(files.Has("/out/old/part"), !files.Has("/alone/part")) << "one change";
      }
      files.calls_left = 1'000'000;
      if (turn >= 40) {
        const bool changed = !files.Has("/out/old/part");
        EXPECT_EQ(WithdrawPipeline(plan, &files).value_or(changed), !changed) << calls;
        continue;
      }
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_TRUE(status.ok()) << calls << " " << status;
      ExpectTop(&files, "job-8", {"a", "deep"});
      EXPECT_EQ(*files.ReadFile("/out/a/part"), "by job-1");
      EXPECT_EQ(*files.ReadFile("/out/deep/b/part"), "by job-2");
      for (const char* gone : {"/out/old/part", "/out/deep/old/part", "/out/deep/c/part"}) {
        EXPECT_FALSE(files.Has(gone)) << gone;
      }
      EXPECT_EQ(files.Has("/alone/part"), alone);
      EXPECT_TRUE(done || calls < 39) << "there are more calls than were tried";
    }
  }
}

TEST(PipelinePublisher, WhereEverythingStaysNothingIsTouched) {
  PipelinePublishPlan plan = PlanBeside();
  plan.outputs.clear();
  FakeFiles files;
  files.Add("/out/", "");
  AddOutput(&files, "/out/a", "job-1");
  AddOutput(&files, "/out/deep/b", "job-2");
  files.Add(fmt::format("/out/{}", kManifestName), "of the earlier one");
  files.Add(fmt::format("/out/{}", kSuccessName), "");
  EXPECT_TRUE(PublishPipeline(plan, &files).ok());
  EXPECT_EQ(*files.ReadFile(fmt::format("/out/{}", kManifestName)), "of the earlier one");
}

TEST(PipelinePublisher, WhatWasToStayAndHasChangedIsNotPublishedBeside) {
  const PipelinePublishPlan plan = PlanBeside();
  FakeFiles files;
  for (const std::string change : {"another", "gone", "longer", "younger"}) {
    AddSources(plan, &files);
    AddEarlier(&files);
    if (change == "another") AddOutput(&files, "/out/a", "job-9");
    if (change == "gone") files.Remove("/out/deep/b/part");
    if (change == "longer") files.Add("/out/a/part", "longer than it was");
    if (change == "younger") files.SetTime("/out/a/part", absl::UnixEpoch() + absl::Seconds(1));
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kFailedPrecondition)
        << change;
    EXPECT_TRUE(files.Has("/out/old/part"));
    for (const auto& output : plan.outputs) EXPECT_TRUE(files.Has(output.source + "/part"));
  }
}

// More than one change has moves, by the rules of the master itself.
TEST(PipelinePublisher, AnyNumberOfFilesAtTheTopChangeAroundWhatStays) {
  for (const bool new_top : {false, true}) {
    NamespaceFiles files;
    const auto add = [&](const std::string& path, const std::string& job, size_t parts,
                         const std::set<std::string>& directories) {
      Manifest manifest;
      manifest.job_id = job;
      manifest.directories = directories;
      EXPECT_TRUE(files.Mkdirs(path).ok());
      for (size_t i = 0; i < parts; ++i) {
        manifest.parts.push_back({.name = fmt::format("part-r-{:05}", i), .bytes = job.size()});
        EXPECT_TRUE(files.WriteFile(path + "/" + manifest.parts[i].name, job).ok());
      }
      EXPECT_TRUE(files.WriteFile(path + "/" + kManifestName, FormatManifest(manifest)).ok());
      EXPECT_TRUE(files.WriteFile(path + "/" + kSuccessName, "").ok());
    };
    const std::string dir = "/.quern/pipelines/pipeline-20261122-0003/";
    add("/out", "job-8", 1'100, {"a", "deep", "old"});
    add("/out/a", "job-1", 1, {});
    add("/out/deep/b", "job-2", 1, {});
    add("/out/old", "job-3", 1, {});
    add(dir + "top/0001", "job-9", 1'100, {});
    add(dir + "d/0001", "job-10", 1, {});
    PipelinePublishPlan plan;
    plan.pipeline_id = "pipeline-20261122-0003";
    plan.output_path = "/out";
    plan.overwrite = true;
    plan.outputs.push_back({dir + "d/0001", "job-10", "/out/deep/d", "deep/d"});
    if (new_top) plan.outputs.push_back({dir + "top/0001", "job-9", "/out", "."});
    plan.in_place.push_back({"/out/a", "job-1", "/out/a", "a"});
    plan.in_place.push_back({"/out/deep/b", "job-2", "/out/deep/b", "deep/b"});
    const absl::Status published = PublishPipeline(plan, &files);
    ASSERT_TRUE(published.ok()) << published;
    EXPECT_EQ(files.List("/out")->size(), new_top ? 1'104u : 4u);
    EXPECT_EQ(*MakerOf("/out", &files), new_top ? "job-9" : plan.pipeline_id);
    const std::map<std::string, std::string> whole = {
        {"/out/a", "job-1"}, {"/out/deep/b", "job-2"}, {"/out/deep/d", "job-10"}};
    for (const auto& [path, job] : whole) EXPECT_TRUE(*IsWhole(path, job, &files)) << path;
    EXPECT_EQ(*IsWhole("/out", "job-9", &files), new_top);
    EXPECT_TRUE(PublishPipeline(plan, &files).ok()) << "again";
  }
}

TEST(PipelinePublisher, AChangeThatIsRefusedLeavesWhatWasMadeWhereItWas) {
  PipelinePublishPlan plan = PlanWithTop();
  FakeFiles files;
  AddSources(plan, &files);
  files.refusal = InvalidArgumentError("too many");
  EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kInvalidArgument);
  for (const auto& output : plan.outputs) {
    EXPECT_TRUE(*IsWhole(output.source, output.job_id, &files)) << output.source;
  }
  // Also to a pipeline that wants less of it.
  files.refusal = absl::OkStatus();
  std::erase_if(plan.outputs, [](const auto& output) { return output.below == "deep/b"; });
  ASSERT_TRUE(PublishPipeline(plan, &files).ok());
  ExpectTop(&files, "job-7", {"a"});
  EXPECT_EQ(files.List("/out")->size(), 4u);
}

// A stage may be called as it likes; what it has kept between the stages is nobody else's.
TEST(PipelinePublisher, NoNameOfAStageIsInTheWay) {
  for (const std::string stage : {"output", "retired"}) {
    for (const bool top_stays : {false, true}) {
      PipelinePublishPlan plan = PlanBeside();
      const std::string dir = fmt::format("/.quern/pipelines/{}/{}/", plan.pipeline_id, stage);
      FakeFiles files;
      AddEarlier(&files);
      AddOutput(&files, dir + "0002", "job-9");
      if (top_stays) {
        plan.in_place.push_back({"/out", "job-8", "/out", "."});
        AddJobOutput(&files, "/out", "job-8", "by job-8", {"a", "deep", "old"});
      } else {
        plan.outputs.push_back({dir + "0001", "job-8", "/out", "."});
      }
      AddSources(plan, &files);
      const absl::Status published = PublishPipeline(plan, &files);
      EXPECT_TRUE(published.ok()) << stage << " " << published;
      ExpectTop(&files, "job-8", {"a", "deep", "new"});
      EXPECT_FALSE(files.Has("/out/0002/part")) << stage;
      EXPECT_TRUE(*IsWhole(dir + "0002", "job-9", &files)) << stage;
    }
  }
}

void ExpectMadeWhereItWas(const PipelinePublishPlan& plan, FakeFiles* files) {
  for (const auto& output : plan.outputs) {
    EXPECT_TRUE(*IsWhole(output.source, output.job_id, files)) << output.source;
  }
}

// The first try has filled the directory, and the change could not be asked for.
TEST(PipelinePublisher, ARefusalOfALaterTryLeavesWhatWasMadeWhereItWas) {
  for (const std::string change : {"taken", "changed"}) {
    const PipelinePublishPlan plan = change == "taken" ? PlanWithTop() : PlanBeside();
    const auto code = change == "taken" ? absl::StatusCode::kAlreadyExists
                                        : absl::StatusCode::kFailedPrecondition;
    FakeFiles files;
    AddSources(plan, &files);
    if (change == "changed") AddEarlier(&files);
    files.refusal = UnavailableError("nobody answers");
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kUnavailable);
    EXPECT_FALSE(files.Has(plan.outputs[0].source + "/part"));
    files.refusal = absl::OkStatus();
    if (change == "taken") files.Add("/out/", "");
    if (change == "changed") files.Add("/out/a/part", "longer than it was");
    files.unreachable_moves = 1;
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kUnavailable) << change;
    EXPECT_EQ(PublishPipeline(plan, &files).code(), code) << change;
    ExpectMadeWhereItWas(plan, &files);
    EXPECT_EQ(PublishPipeline(plan, &files).code(), code) << change;
    ExpectMadeWhereItWas(plan, &files);
  }
}

TEST(PipelinePublisher, ADirectoryThatCannotBeFilledLeavesWhatWasMadeWhereItWas) {
  for (const size_t lost : {0, 2}) {
    PipelinePublishPlan plan = PlanWithTop();
    FakeFiles files;
    AddSources(plan, &files);
    EXPECT_TRUE(files.DeleteTree(plan.outputs[lost].source).ok());
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kNotFound);
    plan.outputs.erase(plan.outputs.begin() + static_cast<ptrdiff_t>(lost));
    ExpectMadeWhereItWas(plan, &files);
  }
}

// A user's file that came while the pipeline ran, wherever in what would be replaced.
TEST(PipelinePublisher, WhatIsNoOutputOfAJobIsNotReplaced) {
  PipelinePublishPlan plan = PlanBeside();
  plan.outputs.push_back(
      {"/.quern/pipelines/pipeline-20261122-0002/e/0001", "job-7", "/alone", ""});
  for (const bool staying : {true, false}) {
    if (!staying) plan.in_place.clear();
    for (const std::string mine : {"/out/mine", "/out/deep/mine", "/out/deep/c/mine",
                                   "/out/old/mine", "/out/deep/x/mine", "/alone/mine"}) {
      FakeFiles files;
      AddSources(plan, &files);
      AddEarlier(&files);
      files.Add(mine, "precious");
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << mine << " " << status;
      EXPECT_NE(Message(status).find("mine in it"), std::string_view::npos) << status;
      EXPECT_EQ(*files.ReadFile(mine), "precious");
      EXPECT_EQ(*files.ReadFile("/out/deep/c/part"), "by job-3");
      for (const auto& output : plan.outputs) {
        EXPECT_TRUE(*IsWhole(output.source, output.job_id, &files)) << output.source;
      }
      // It can be resumed when that is out of the way.
      files.Remove(mine);
      EXPECT_TRUE(PublishPipeline(plan, &files).ok());
      EXPECT_EQ(*files.ReadFile("/out/deep/c/part"), "by job-5");
    }
  }
}

TEST(PipelinePublisher, ATakenTargetLeavesEverythingWhereItWas) {
  const PipelinePublishPlan plan = Plan();
  for (const std::string taken : {"/out", "/alone"}) {
    FakeFiles files;
    AddSources(plan, &files);
    files.Add(taken + "/", "");
    EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kAlreadyExists);
    for (const auto& output : plan.outputs) {
      EXPECT_TRUE(files.Has(output.source + "/part")) << taken << " " << output.source;
    }
  }
}

TEST(PipelinePublisher, WhatCannotBeReadIsAskedForAgain) {
  const PipelinePublishPlan plan = Plan();
  FakeFiles files;
  AddSources(plan, &files);
  ASSERT_TRUE(PublishPipeline(plan, &files).ok());
  // It is done, but the answer was lost.
  files.unreachable_stats = 1;
  EXPECT_EQ(PublishPipeline(plan, &files).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(PublishPipeline(plan, &files).ok());
}

}  // namespace
}  // namespace quern::mr
