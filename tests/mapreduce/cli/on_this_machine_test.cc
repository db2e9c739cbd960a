#include "mapreduce/cli/on_this_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "client/file_system.h"
#include "mapreduce/cli/job_explainer.h"
#include "quern/mr/v1/pipelines.pb.h"
#include "tests/support/fake_dfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace quern::mr {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::StartsWith;

class OnThisMachineTest : public ::testing::Test {
 protected:
  OnThisMachineTest() {
    std::ofstream(here_) << "x";
    std::ofstream(other_) << "x";
  }
  // The next step after a side file was not found.
  std::string NextStepOf(const std::string& path, const SaidPaths& said) const {
    const absl::Status told =
        SayIfHere(NotFoundError("files: {}: no", path), PathUse::kSideFile, path, said);
    const std::string text(Message(told));
    const std::string before =
        "files: " + path + ": is not in the cluster, but on this machine. Try: ";
    EXPECT_THAT(text, StartsWith(before));
    return text.substr(std::min(text.size(), before.size()));
  }

  const TempDir dir_;
  const std::string here_ = dir_ / "m.model";
  const std::string other_ = dir_ / "words.txt";
};

TEST_F(OnThisMachineTest, TheNextStepIsTheFlagWithTheFileOfThisMachine) {
  EXPECT_EQ(NextStepOf(here_, {.settings = {"lines=true", "sentencepiece=" + here_}}),
            "--set sentencepiece=file://" + here_);
  EXPECT_EQ(NextStepOf(here_, {.settings = {"evaluation=/a, " + here_ + ",b"}}),
            "--set evaluation=/a,file://" + here_ + ",b");
  // A pipeline reads a file of the directory.
  EXPECT_EQ(NextStepOf(here_, {.settings = {"tokenizer=" + dir_.path()}}),
            "--set tokenizer=file://" + dir_.path());
  EXPECT_EQ(NextStepOf(here_, {.settings = {"a=" + dir_.path(), "b=" + here_}}),
            "--set b=file://" + here_)
      << "the file itself is nearer";
  EXPECT_EQ(NextStepOf(here_, {.settings = {"tokens.files." + here_ + "=m"}}),
            "--set tokens.files.file://" + here_ + "=m");
  EXPECT_EQ(NextStepOf(here_, {.files = {"/a", other_ + "," + here_}}),
            "--files " + other_ + ",file://" + here_);
  EXPECT_EQ(NextStepOf(here_, {.settings = {"q=it's," + here_}}),
            "--set 'q=it'\\''s,file://" + here_ + "'");
  for (const std::string& no_such : {here_ + "2", "x" + here_, here_.substr(0, here_.size() - 1)}) {
    EXPECT_EQ(NextStepOf(here_, {.settings = {"a=" + no_such, here_}, .files = {no_such}}),
              "file://" + here_ + ", where the spec names it");
  }
}

TEST_F(OnThisMachineTest, AnInputOfAClusterHasToBePutThere) {
  const auto told = [](const std::string& path, bool local) {
    const absl::Status status =
        SayIfHere(NotFoundError("input: no"), PathUse::kInput, path, {.local = local});
    return std::string(Message(status));
  };
  const std::string pattern = dir_ / "*.{txt,md}";
  for (const std::string& path : {here_, dir_.path(), pattern}) {
    // As a word of a command, where a shell would take braces for its own.
    const std::string word = path == pattern ? "'file://" + path + "'" : "file://" + path;
    EXPECT_EQ(told(path, false), "input: " + path +
                                     ": is not in the cluster, but on this machine. Try: dfs put, "
                                     "or --local with " +
                                     word);
    EXPECT_THAT(told(path, true), EndsWith("on this machine. Try: " + word));
  }
  EXPECT_EQ(told(dir_ / "*.md", false), "input: no");
}

TEST_F(OnThisMachineTest, AnyOtherFailureStaysAsItIs) {
  const auto told = [](const absl::Status& status, const std::string& path, bool local) {
    return SayIfHere(status, PathUse::kSideFile, path, {.local = local});
  };
  EXPECT_OK(told(absl::OkStatus(), here_, true));
  for (const std::string& path : {dir_ / "none", dir_.path(), "file://" + here_}) {
    EXPECT_EQ(told(NotFoundError("no"), path, true), NotFoundError("no")) << path;
  }
  EXPECT_EQ(told(DataLossError("bad"), here_, true), DataLossError("bad"));
  EXPECT_EQ(told(UnavailableError("away"), here_, false), UnavailableError("away"));
  EXPECT_THAT(told(UnavailableError("away"), here_, true),
              StatusIs(absl::StatusCode::kUnavailable,
                       EndsWith("does not answer, but this machine has it. Try: file://" + here_ +
                                ", where the spec names it")));
}

TEST_F(OnThisMachineTest, WhatTheClusterHasToIsItsOwn) {
  quern::testing::FakeDfs fake({.servers = 3, .chunk_size = 1 << 20});
  const auto dfs = client::FileSystem::Create({.masters = {fake.master_address()}});
  Session session;
  session.master_flag = fake.master_address();
  pb::JobSpec job;
  job.add_inputs()->set_path(here_);
  job.add_inputs()->set_path("/nothing/of/that/name");  // somebody else says so
  job.add_files()->mutable_file()->set_path(other_);
  for (const std::string& path : {here_, other_}) {
    EXPECT_THAT(CheckNotOnlyHere(session, job, {}),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr(path + ": is not in the cluster")));
    ASSERT_OK_AND_ASSIGN(auto writer, dfs->Create(path));
    ASSERT_OK(writer->Append("x"));
    ASSERT_OK(writer->Close().status());
  }
  EXPECT_OK(CheckNotOnlyHere(session, job, {}));
}

TEST_F(OnThisMachineTest, AnExplanationSaysTheSame) {
  quern::testing::FakeDfs fake({.servers = 3, .chunk_size = 1 << 20});
  const auto dfs = client::FileSystem::Create({.masters = {fake.master_address()}});
  pb::PipelineStage stage;
  stage.set_name("count");
  stage.mutable_job()->add_inputs()->set_path(here_);
  stage.mutable_job()->add_files()->set_name("words");
  stage.mutable_job()->mutable_files(0)->mutable_file()->set_path(other_);
  JobExplainer explainer(dfs.get(), /*slots=*/4, /*local=*/false, {.settings = {"list=" + other_}});
  EXPECT_THAT(explainer.ExplainStage(stage, {}).problems,
              IsSupersetOf({EndsWith("Try: dfs put, or --local with file://" + here_),
                            EndsWith("Try: --set list=file://" + other_)}));
}

TEST_F(OnThisMachineTest, WithoutAPathOfThisMachineNobodyIsAsked) {
  Session session;
  session.master_flag = "no address";
  pb::JobSpec job;
  job.add_inputs()->set_path("@stage");
  job.add_inputs()->set_path("file://" + here_);
  job.add_files()->mutable_file()->set_path(dir_ / "none");
  EXPECT_OK(CheckNotOnlyHere(session, job, {}));
}

}  // namespace
}  // namespace quern::mr
