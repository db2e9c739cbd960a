// Whether the outputs of a pipeline have appeared: marks say it, and where none was ever written,
// what lies where.
#include <gtest/gtest.h>

#include <string>

#include "mapreduce/coordinator/service/pipeline_publisher.h"
#include "mapreduce/coordinator/service/publish_marks.h"
#include "mapreduce/engine/manifest.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "tests/mapreduce/coordinator/service/fake_files.h"
#include "tests/mapreduce/coordinator/service/namespace_files.h"

namespace quern::mr {
namespace {

class PipelineMarksTest : public testing::Test {
 protected:
  PipelineMarksTest() {
    plan_.pipeline_id = "pipeline-20261122-0001";
    plan_.output_path = "/out";
    const std::string dir = PipelineDir(plan_.pipeline_id);
    plan_.outputs.push_back({dir + "/a/0001", "job-1", "/out/a", "a"});
    plan_.outputs.push_back({dir + "/b/0001", "job-2", "/out/deep/b", "deep/b"});
    plan_.outputs.push_back({dir + "/c/0001", "job-3", "/alone", ""});
  }

  void AddMade() {
    for (const auto& output : plan_.outputs) {
      AddJobOutput(&files_, output.source, output.job_id, "by " + output.job_id);
    }
  }
  // What is to be replaced, by jobs of these ids.
  void AddReplaced(const std::string& ids) {
    plan_.overwrite = true;
    AddJobOutput(&files_, "/out", "pipeline-20261121-0001", "earlier", {"a", "deep"});
    AddJobOutput(&files_, "/out/a", ids + "1", "earlier");
    AddJobOutput(&files_, "/out/deep/b", ids + "2", "earlier");
    AddJobOutput(&files_, "/alone", ids + "3", "earlier");
  }
  // A coordinator of a version that left no marks, and that was stopped before it heard of it.
  void PublishAsEarlierVersion() {
    AddMade();
    ASSERT_TRUE(PublishPipeline(plan_, &files_).ok());
    const std::string mark = PipelineDir(plan_.pipeline_id) + "/.appeared/";
    ASSERT_TRUE(files_.Has(mark));
    files_.Remove(mark);
  }
  void ExpectHasAppeared() {
    const absl::Status again = PublishPipeline(plan_, &files_);
    EXPECT_TRUE(again.ok()) << again;
    for (int calls = 0; calls < 2; ++calls) {
      const absl::StatusOr<bool> withdrawn = WithdrawPipeline(plan_, &files_);
      ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
      EXPECT_FALSE(*withdrawn) << "also when it is killed";
    }
    for (const auto& output : plan_.outputs) {
      EXPECT_EQ(*MakerOf(output.target, &files_), output.job_id);
    }
  }

  PipelinePublishPlan plan_;
  FakeFiles files_;
};

TEST_F(PipelineMarksTest, WhatAnEarlierVersionHasMadeAppearHasAppeared) {
  PublishAsEarlierVersion();
  ExpectHasAppeared();
}

TEST_F(PipelineMarksTest, AlsoWhenItHasReplacedSomething) {
  AddReplaced("job-9");
  PublishAsEarlierVersion();
  ExpectHasAppeared();
}

TEST_F(PipelineMarksTest, AlsoWhenFilesLieAtItsTop) {
  plan_.outputs[0].target = "/out";
  plan_.outputs[0].below = ".";
  PublishAsEarlierVersion();
  ExpectHasAppeared();
}

TEST_F(PipelineMarksTest, WhatAnEarlierVersionHasMadeAppearAndCannotBeReadIsNotCalledWithdrawn) {
  PublishAsEarlierVersion();
  files_.damaged = fmt::format("/out/a/{}", kManifestName);
  EXPECT_EQ(WithdrawPipeline(plan_, &files_).status().code(), absl::StatusCode::kDataLoss);
}

// By jobs whose ids a coordinator that has lost its journal has given out again; somebody has
// removed what the pipeline has made. Also once it was given up.
TEST_F(PipelineMarksTest, WhereThereAreMarksOutputsOfTheSameIdsSayNothing) {
  AddReplaced("job-");
  AddMade();
  files_.refusal = UnavailableError("nobody answers");
  EXPECT_EQ(PublishPipeline(plan_, &files_).code(), absl::StatusCode::kUnavailable);
  files_.refusal = absl::OkStatus();
  ASSERT_TRUE(files_.DeleteTree(StagingDir(plan_.pipeline_id)).ok());
  ASSERT_TRUE(files_.DeleteTree(plan_.outputs[2].source).ok());
  for (int again = 0; again < 2; ++again) {
    EXPECT_EQ(PublishPipeline(plan_, &files_).code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(*files_.ReadFile("/alone/part"), "earlier");
  }
}

// Somebody has removed all that the pipeline has made before it was tried at all, or killed.
TEST_F(PipelineMarksTest, WithoutADirectoryOutputsOfTheSameIdsSayNothing) {
  for (const bool is_killed : {false, true}) {
    AddReplaced("job-");
    AddMade();
    ASSERT_TRUE(files_.DeleteTree(PipelineDir(plan_.pipeline_id)).ok());
    for (int again = 0; again < 2; ++again) {
      if (is_killed) {
        EXPECT_TRUE(WithdrawPipeline(plan_, &files_).value_or(false));
      } else {
        EXPECT_EQ(PublishPipeline(plan_, &files_).code(), absl::StatusCode::kNotFound);
      }
      EXPECT_EQ(*files_.ReadFile("/alone/part"), "earlier");
    }
  }
}

// The first try looks at what lies where, and ends before it asks for the change.
TEST_F(PipelineMarksTest, WhatLiesWhereIsAskedOnlyOnce) {
  AddReplaced("job-");
  AddMade();
  files_.Add(PipelineDir(plan_.pipeline_id) + "/", "");
  files_.unreachable_moves = 1;
  EXPECT_EQ(PublishPipeline(plan_, &files_).code(), absl::StatusCode::kUnavailable);
  for (const auto& output : plan_.outputs) {
    ASSERT_TRUE(files_.DeleteTree(output.source).ok());
  }
  ASSERT_TRUE(files_.DeleteTree(StagingDir(plan_.pipeline_id)).ok());
  EXPECT_EQ(PublishPipeline(plan_, &files_).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*files_.ReadFile("/alone/part"), "earlier");
}

// Parents are made, which costs more, only where one is missing.
TEST(PublishMarks, BeginWithOneChangeWhereTheirDirectoryIsThere) {
  FakeFiles files;
  files.unreachable_mkdirs = 1;
  const PublishMarks marks("/dir", &files);
  for (int again = 0; again < 2; ++again) {
    const absl::Status begun = marks.Begin();
    EXPECT_TRUE(begun.ok()) << begun;
    EXPECT_EQ(*marks.Find(), PublishMarks::Fate::kOpen);
  }
  NamespaceFiles names;
  const absl::Status begun = PublishMarks("/none/dir", &names).Begin();
  EXPECT_TRUE(begun.ok()) << begun;
  EXPECT_TRUE(names.Stat("/none/dir/.pending").ok());
}

// All its stages are reused, and a coordinator has died before it made the pipeline's directory, in
// which the marks lie.
TEST(PipelineMarks, APipelineWithoutADirectoryIsPublishedOrWithdrawn) {
  const std::string source = "/.quern/pipelines/pipeline-20261121-0009/a/0001";
  for (const bool is_killed : {false, true}) {
    for (const std::string below : {"", "a"}) {
      NamespaceFiles files;
      Manifest manifest;
      manifest.job_id = "job-1";
      ASSERT_TRUE(files.Mkdirs(source).ok());
      ASSERT_TRUE(files.WriteFile(source + "/" + kManifestName, FormatManifest(manifest)).ok());
      ASSERT_TRUE(files.WriteFile(source + "/" + kSuccessName, "").ok());
      PipelinePublishPlan plan;
      plan.pipeline_id = "pipeline-20261122-0001";
      plan.output_path = "/out";
      const std::string target = below.empty() ? "/alone" : "/out/a";
      plan.outputs.push_back({source, "job-1", target, below});
      if (is_killed) {
        const absl::StatusOr<bool> withdrawn = WithdrawPipeline(plan, &files);
        ASSERT_TRUE(withdrawn.ok()) << withdrawn.status();
        EXPECT_TRUE(*withdrawn);
      } else {
        const absl::Status published = PublishPipeline(plan, &files);
        ASSERT_TRUE(published.ok()) << published;
      }
      EXPECT_EQ(*MakerOf(is_killed ? source : target, &files), "job-1");
    }
  }
}

}  // namespace
}  // namespace quern::mr
