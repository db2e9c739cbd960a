#include "mapreduce/coordinator/service/pipeline_publisher.h"

#include <gtest/gtest.h>

#include "mapreduce/engine/manifest.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"

namespace quern::mr {
namespace {

void AddOutput(FakeFiles* files, const std::string& path, const std::string& job_id) {
  Manifest manifest;
  manifest.job_id = job_id;
  files->Add(path + "/", "");
  files->Add(fmt::format("{}/{}", path, kManifestName), FormatManifest(manifest));
  files->Add(path + "/part", "by " + job_id);
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

TEST(PipelinePublisher, ComesToTheSameEndWhereverItDied) {
  const PipelinePublishPlan plan = Plan();
  for (int calls = 0; calls < 40; ++calls) {
    for (const bool after_doing : {false, true}) {
      FakeFiles files;
      AddSources(plan, &files);
      files.calls_left = calls;
      files.fails_after_doing = after_doing;
      const bool done = PublishPipeline(plan, &files).ok();
      EXPECT_EQ(files.Has("/out/a/part"), files.Has("/alone/part")) << "all or nothing";
      files.calls_left = 1'000'000;
      const absl::Status status = PublishPipeline(plan, &files);
      EXPECT_TRUE(status.ok()) << calls << " " << status;
      EXPECT_EQ(*files.ReadFile("/out/a/part"), "by job-1");
      EXPECT_EQ(*files.ReadFile("/out/deep/b/part"), "by job-2");
      EXPECT_EQ(*files.ReadFile("/alone/part"), "by job-3");
      EXPECT_TRUE(done || calls < 39) << "there are more calls than were tried";
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

}  // namespace
}  // namespace quern::mr
