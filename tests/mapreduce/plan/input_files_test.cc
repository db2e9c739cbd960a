#include "mapreduce/plan/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "mapreduce/plan/pipeline_fingerprint.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/stage_job.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

class StageInputsTest : public testing::Test {
 protected:
  // Reads a list, another stage, and its own last output, for which /init stands at first.
  StageInputsTest() {
    Write("list", "a");
    Write("init", "before");
    stage_.set_name("ranks");
    for (const std::string& path : {Path("list"), std::string("@graph"), std::string("@ranks")}) {
      stage_.mutable_job()->add_inputs()->set_path(path);
    }
    stage_.mutable_repeat()->set_max(3);
    stage_.mutable_repeat()->set_first(Path("init"));
    FillStageDefaults(stage_.mutable_job());
  }
  std::string Path(const std::string& name) const { return "file://" + dir_ / name; }
  // Another file of that name.
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name + ".new") << text;
    std::filesystem::rename(dir_ / name + ".new", dir_ / name);
  }
  std::string Digest() const {
    const auto inputs = FindStageInputs(nullptr, stage_);
    EXPECT_OK(inputs);
    return inputs.ok() ? DigestInputs(*inputs) : "";
  }

  const TempDir dir_;
  pb::PipelineStage stage_;
};

TEST_F(StageInputsTest, WhatStandsForTheFirstOutputIsReadAsWell) {
  ASSERT_OK_AND_ASSIGN(const std::vector<SplitInput> inputs, FindStageInputs(nullptr, stage_));
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[1].input, 2u);
  ASSERT_EQ(inputs[1].files.size(), 1u);
  EXPECT_EQ(inputs[1].files[0].path, Path("init"));
  stage_.mutable_repeat()->set_first(Path("none"));
  EXPECT_THAT(FindStageInputs(nullptr, stage_),
              StatusIs(absl::StatusCode::kNotFound, testing::HasSubstr("none")));
}

TEST_F(StageInputsTest, AnotherFirstFileIsAnotherInput) {
  const std::string before = Digest();
  EXPECT_EQ(Digest(), before);
  Write("init", "behind");
  EXPECT_NE(Digest(), before) << "of the same name and length";
}

TEST_F(StageInputsTest, TheFirstRoundReadsWhatWasChecked) {
  pb::PipelineSpec spec;
  *spec.add_stages() = stage_;
  StageOutputs outputs;
  outputs["graph"].set_path("/graph");
  const auto paths = [&](uint32_t round) {
    std::vector<std::string> read;
    const auto job = MakeRoundJob(spec, stage_, round, outputs, "/round");
    EXPECT_OK(job);
    for (const auto& input : job->inputs()) read.push_back(input.path());
    return read;
  };
  EXPECT_THAT(paths(1), testing::ElementsAre(Path("list"), "/graph", Path("init")));
  outputs["ranks"].set_path("/ranks");
  EXPECT_THAT(paths(2), testing::ElementsAre(Path("list"), "/graph", "/ranks"));
  stage_.mutable_repeat()->clear_first();
  EXPECT_THAT(paths(1), testing::ElementsAre(Path("list"), "/graph"));
}

TEST_F(StageInputsTest, AFirstPathIsCheckedAsInputsAre) {
  EXPECT_EQ(StageJobToCheck(stage_).inputs(2).path(), Path("init"));
  stage_.mutable_repeat()->set_first("@graph");
  EXPECT_TRUE(StageJobToCheck(stage_).inputs(2).path().starts_with("/"));
  ASSERT_OK_AND_ASSIGN(const std::vector<SplitInput> inputs, FindStageInputs(nullptr, stage_));
  EXPECT_EQ(inputs.size(), 1u);
}

// Names of the files that a pattern finds below the directory.
class FoundFilesTest : public testing::Test {
 protected:
  void Make(const std::vector<std::string>& files) const {
    for (const std::string& file : files) {
      const std::filesystem::path path = dir_ / file;
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << file;
    }
  }
  std::vector<std::string> Find(const std::string& pattern) const {
    pb::JobSpec::Input input;
    const std::string root = "file://" + dir_ / "";
    input.set_path(root + pattern);
    input.set_format("text");
    const auto found = FindInputFiles(nullptr, input, 0);
    EXPECT_OK(found);
    std::vector<std::string> names;
    for (const InputFile& file : found.value_or(std::vector<InputFile>())) {
      names.push_back(file.path.substr(root.size()));
    }
    return names;
  }

  const TempDir dir_;
};

TEST_F(FoundFilesTest, AWildcardFindsNoHiddenName) {
  Make({"a/x", "a/_y", "_b/x", "_b/_y", ".c/x"});
  EXPECT_THAT(Find("*/x"), testing::ElementsAre("a/x")) << "nor a directory on the way";
  EXPECT_THAT(Find("a/*"), testing::ElementsAre("a/x"));
  EXPECT_THAT(Find("a/{*x,*y}"), testing::ElementsAre("a/x")) << "the wildcard stands in braces";
  EXPECT_THAT(Find("{a,_b}/*"), testing::ElementsAre("_b/x", "a/x"));
  EXPECT_THAT(Find("_*/x"), testing::ElementsAre("_b/x")) << "said by name";
  EXPECT_THAT(Find("_b/{_y,*}"), testing::ElementsAre("_b/_y", "_b/x"));
}

}  // namespace
}  // namespace quern::mr
