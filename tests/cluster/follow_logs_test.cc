// `mr logs -f`: what tasks print is seen while they run, whatever dies meanwhile.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int CountOf(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

class FollowLogs : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
    ASSERT_EQ(
        cluster_->Dfs({"put", "-", "/lines"}, {.stdin_text = "before\nwait\nafter\n"}).exit_code,
        0);
    gate_.emplace(cluster_->scratch() + "/the gate");
    const CommandResult run =
        cluster_->Mr({"run", JobPath("chatty"), "/lines", "/out", "--reduce", "0", "--detach",
                      "--set", "params.gate=" + gate_->path()});
    ASSERT_EQ(run.exit_code, 0) << run.Describe();
    std::istringstream(cluster_->Mr({"list"}).out).ignore(1'000, '\n') >> job_;
    ASSERT_THAT(job_, HasSubstr("job-"));
  }
  void Follow(std::vector<std::string> words) {
    words.insert(words.begin(), {"mr", "logs", "-f", job_});
    out_ = cluster_->scratch() + "/followed";
    follow_ = cluster_->StartCommand(words, {.stdout_file = out_});
  }
  void WaitFor(const std::string& text, int times = 1) {
    ASSERT_TRUE(cluster_->Eventually([&] { return CountOf(ReadAll(out_), text) >= times; }))
        << ReadAll(out_);
  }
  // "worker2", which runs the only task.
  std::string RunningWorker() {
    std::istringstream lines(cluster_->Mr({"tasks", job_, "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      const auto attempt = nlohmann::json::parse(line);
      if (attempt.at("state") != "RUNNING") continue;
      const std::string node = attempt.at("node");
      return "worker" + node.substr(node.find('-') + 1);
    }
    ADD_FAILURE() << "nothing runs";
    return "worker1";
  }

  std::unique_ptr<Cluster> cluster_;
  std::optional<Gate> gate_;
  std::string job_, out_;
  std::unique_ptr<Command> follow_;
};

TEST_F(FollowLogs, WhatATaskPrintsIsSeenWhileItRuns) {
  Follow({});
  WaitFor("before\nwait\n");
  EXPECT_TRUE(follow_->IsRunning());
  gate_->Open();
  const CommandResult end = follow_->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
  EXPECT_THAT(ReadAll(out_), HasSubstr("==> m-00000.0 on node-"));
  EXPECT_THAT(ReadAll(out_), HasSubstr("before\nwait\nafter\n"));
  EXPECT_THAT(end.err, HasSubstr("SUCCEEDED"));
  // Afterwards there is nothing to wait for.
  const CommandResult later = cluster_->Mr({"logs", "-f", job_});
  EXPECT_EQ(later.exit_code, 0) << later.Describe();
  EXPECT_THAT(later.out, HasSubstr("before\nwait\nafter\n"));
}

TEST_F(FollowLogs, AKilledWorkerIsOneLineAndTheNextAttemptGoesOn) {
  Follow({"m-0"});
  WaitFor("before\nwait\n");
  const std::string worker = RunningWorker();
  cluster_->Kill(worker);
  WaitFor("before\nwait\n", 2);
  gate_->Open();
  const CommandResult end = follow_->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
  EXPECT_EQ(ReadAll(out_), "before\nwait\nbefore\nwait\nafter\n");
  EXPECT_EQ(CountOf(end.err, "\n"), 2) << end.err;
  EXPECT_THAT(end.err, HasSubstr("killed; its worker is gone, and the rest of its log with it"));
  EXPECT_THAT(end.err, HasSubstr("m-00000.1 on node-"));
  // Asked about the one that is gone.
  const CommandResult gone = cluster_->Mr({"logs", job_, "m-0.0"});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_THAT(gone.err, HasSubstr("is gone, and its log with it"));
  EXPECT_THAT(gone.err, Not(HasSubstr("does not answer")));
}

TEST_F(FollowLogs, ARestartedCoordinatorIsOutlivedAndNothingIsPrintedTwice) {
  Follow({});
  WaitFor("before\nwait\n");
  cluster_->Kill("coordinator");
  cluster_->Restart("coordinator");
  gate_->Open();
  const CommandResult end = follow_->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
  EXPECT_EQ(CountOf(ReadAll(out_), "before\n"), 1) << ReadAll(out_);
  EXPECT_EQ(CountOf(ReadAll(out_), "after\n"), 1) << ReadAll(out_);
}

TEST_F(FollowLogs, AnInterruptEndsItAndTheJobGoesOn) {
  Follow({"m-0"});
  WaitFor("wait\n");
  follow_->Signal(SIGINT);
  EXPECT_EQ(follow_->Finish().exit_code, 130);
  gate_->Open();
  EXPECT_EQ(cluster_->Mr({"watch", job_}).exit_code, 0);
}

TEST_F(FollowLogs, OfAPipelineAllItsJobsAreFollowed) {
  const std::string spec = cluster_->scratch() + "/twice.toml";
  std::ofstream(spec) << fmt::format(R"(
[params]
gate = "{0}"
[[stage]]
name = "first"
plugin = "{1}"
input = ["@in"]
reduce = {{ tasks = 0 }}
output = "first"
[[stage]]
name = "second"
plugin = "{1}"
input = ["@in", "@first"]
reduce = {{ tasks = 0 }}
output = "second"
)",
                                     gate_->path(), JobPath("chatty"));
  const CommandResult run = cluster_->Mr({"run", spec, "/lines", "/twice", "--detach", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.Describe();
  job_ = nlohmann::json::parse(run.out).at("pipeline");
  Follow({});
  WaitFor("before\nwait\n");
  EXPECT_EQ(cluster_->Mr({"logs", "-f", job_, "m-0"}).exit_code, 1) << "a pipeline has no tasks";
  gate_->Open();
  const CommandResult end = follow_->Finish();
  EXPECT_EQ(end.exit_code, 0) << end.Describe();
  const std::string followed = ReadAll(out_);
  EXPECT_EQ(CountOf(followed, "after\n"), 2) << followed;
  EXPECT_EQ(CountOf(followed, "after\t1\n"), 1) << "what the second stage reads of the first";
  EXPECT_THAT(followed, HasSubstr("==> job-"));
  EXPECT_THAT(end.err, HasSubstr("SUCCEEDED"));
  // Afterwards it is the same.
  const CommandResult later = cluster_->Mr({"logs", "-f", job_});
  EXPECT_EQ(later.exit_code, 0) << later.Describe();
  EXPECT_EQ(CountOf(later.out, "after\n"), 2) << later.out;
  const CommandResult all = cluster_->Mr({"logs", job_});
  EXPECT_EQ(all.exit_code, 0) << all.Describe();
  EXPECT_EQ(CountOf(all.out, "after\n"), 2) << all.out;
  EXPECT_EQ(CountOf(all.out, "==> stage "), 2) << all.out;
  const CommandResult why = cluster_->Mr({"why", job_});
  EXPECT_EQ(why.exit_code, 0) << why.Describe();
  EXPECT_THAT(why.out, HasSubstr("STAGE"));
  EXPECT_THAT(why.out, HasSubstr("TIME OF TASKS"));
  EXPECT_GE(CountOf(why.out, "job-"), 2) << why.out;
}

TEST_F(FollowLogs, ForProgramsEachLineSaysWhoseItIs) {
  gate_->Open();
  ASSERT_EQ(cluster_->Mr({"watch", job_}).exit_code, 0);
  const CommandResult all = cluster_->Mr({"logs", job_, "--json"});
  EXPECT_EQ(cluster_->Mr({"logs", job_, "m-0", "--json"}).out, all.out);
  EXPECT_EQ(cluster_->Mr({"logs", "-f", job_, "--json"}).out, all.out);
  std::istringstream lines(all.out);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const auto object = nlohmann::json::parse(line);
    EXPECT_EQ(object.at("job"), job_);
    EXPECT_EQ(object.at("attempt"), "m-00000.0");
    EXPECT_THAT(object.at("node").get<std::string>(), HasSubstr("node-"));
    text += object.at("line").get<std::string>() + "\n";
  }
  EXPECT_THAT(text, HasSubstr("before\nwait\nafter\n"));
}

TEST_F(FollowLogs, WrongUseIsSaid) {
  EXPECT_EQ(cluster_->Mr({"logs", "-f", job_, "x-1"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"logs", "-f", job_, "--errors"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"logs", "-f", job_, "m-1", "--task", "m-0"}).exit_code, 2);
  const CommandResult task = cluster_->Mr({"logs", "-f", job_, "m-7"});
  EXPECT_EQ(task.exit_code, 1);
  EXPECT_THAT(task.err, HasSubstr("m-00007: no such task"));
  const CommandResult job = cluster_->Mr({"logs", "-f", "no such job"});
  EXPECT_EQ(job.exit_code, 1);
  EXPECT_THAT(job.err, HasSubstr("no such job: no such job"));
}

}  // namespace
}  // namespace quern::testing
