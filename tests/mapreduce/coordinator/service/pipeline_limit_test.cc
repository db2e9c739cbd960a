// As many outputs as a pipeline may publish appear at once, by the rules of the master itself.
#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <string>

#include "mapreduce/coordinator/service/pipeline.h"
#include "mapreduce/coordinator/service/pipeline_publisher.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "master/logic/namespace_tree.h"
#include "tests/mapreduce/coordinator/service/namespace_files.h"

namespace quern::mr {
namespace {

constexpr char kWidePipeline[] = "pipeline-20261122-0001";

// New and old ones, _MANIFEST.json, _SUCCESS and the mark.
static_assert(2 * kMaxPublished + 3 <= master::kMaxMoves);

class PipelineLimitTest : public testing::Test {
 protected:
  PipelineLimitTest() {
    plan_.pipeline_id = kWidePipeline;
    plan_.output_path = "/out";
    plan_.overwrite = true;
  }

  void AddMade(const std::string& path, const std::string& job,
               const std::set<std::string>& directories = {}) {
    Manifest manifest;
    manifest.job_id = job;
    manifest.directories = directories;
    manifest.parts.push_back({.name = "part-r-00000", .bytes = job.size()});
    EXPECT_TRUE(files_.Mkdirs(path).ok());
    EXPECT_TRUE(files_.WriteFile(path + "/part-r-00000", job).ok());
    EXPECT_TRUE(files_.WriteFile(path + "/" + kManifestName, FormatManifest(manifest)).ok());
    EXPECT_TRUE(files_.WriteFile(path + "/" + kSuccessName, "").ok());
  }
  void AddNew(const std::string& below) {
    const std::string source = fmt::format("{}/{}/0001", PipelineDir(kWidePipeline), below);
    AddMade(source, "job-2");
    plan_.outputs.push_back({source, "job-2", "/out/" + below, below});
  }
  void ExpectPublished() {
    const absl::Status published = PublishPipeline(plan_, &files_);
    ASSERT_TRUE(published.ok()) << published;
    for (const auto& output : plan_.outputs) {
      EXPECT_EQ(*MakerOf(output.target, &files_), output.job_id);
    }
    for (const auto& output : plan_.in_place) {
      EXPECT_EQ(*MakerOf(output.target, &files_), output.job_id);
    }
  }

  PipelinePublishPlan plan_;
  NamespaceFiles files_;
};

TEST_F(PipelineLimitTest, NewOnesComeAndEarlierOnesGoBesideTheFilesAtTheTop) {
  std::set<std::string> old;
  for (size_t i = 1; i < kMaxPublished; ++i) old.insert(fmt::format("old{}", i));
  AddMade("/out", "job-1", old);
  plan_.in_place.push_back({"/out", "job-1", "/out", "."});
  for (const std::string& name : old) AddMade("/out/" + name, "job-1");
  for (size_t i = 1; i < kMaxPublished; ++i) AddNew(fmt::format("new{}", i));
  ExpectPublished();
  EXPECT_FALSE(files_.Stat("/out/old1").ok());
}

TEST_F(PipelineLimitTest, AllButOneStay) {
  std::set<std::string> staying;
  for (size_t i = 1; i < kMaxPublished; ++i) staying.insert(fmt::format("stays{}", i));
  AddMade("/out", "pipeline-20261121-0001", staying);
  for (const std::string& name : staying) {
    AddMade("/out/" + name, "job-1");
    plan_.in_place.push_back({"/out/" + name, "job-1", "/out/" + name, name});
  }
  AddNew("new");
  ExpectPublished();
}

// It runs: what it has made is not thrown away for what it might come to.
TEST(PipelineLimit, OneThatAnEarlierVersionHasAcceptedGoesOn) {
  pb::PipelineSubmitted submitted;
  pb::PipelineStage* stage = submitted.mutable_spec()->add_stages();
  stage->set_name("one");
  stage->mutable_job()->add_inputs()->set_path("/in");
  for (size_t i = 0; i <= kMaxPublished; ++i) {
    pb::JobSpec::NamedOutput* output = stage->mutable_job()->add_outputs();
    output->set_name(fmt::format("n{}", i));
    output->mutable_output()->set_path(fmt::format("/out{}", i));
  }
  submitted.set_pipeline_id(kWidePipeline);
  submitted.add_stages();
  EXPECT_FALSE(CheckNewPipelineSpec(submitted.spec()).ok());
  const auto made = MakePipeline(JobKey(1), submitted, absl::UnixEpoch());
  EXPECT_TRUE(made.ok()) << made.status();
}

}  // namespace
}  // namespace quern::mr
