// `mr debug`: a task of a job runs once more on this machine, on what it has read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DebugTask : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
  }
  void Put(const std::string& path, const std::string& text) {
    const CommandResult put = cluster_->Dfs({"put", "-f", "-", path}, {.stdin_text = text});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
  }
  // The newest job.
  std::string Job() {
    std::istringstream list(cluster_->Mr({"list"}).out);
    list.ignore(1'000, '\n');
    std::string job;
    list >> job;
    return job;
  }
  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Word count over six maps and two reduces.
  std::vector<std::string> CountWordsOf(const std::string& path) {
    return {"run",       JobPath("gated_words"),
            path,        "/out put",
            "--reduce",  "2",
            "--mapper",  "GatedWords",
            "--reducer", "GatedSum",
            "--set",     "limits.split=20000",
            "--set",     "name=a job with spaces"};
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(DebugTask, ACrashIsSeenAgainWithItsRecord) {
  Put("/two words", "fine\npoison\n");
  const std::vector<std::string> run = {
      "run",      JobPath("gated_words"), "/two words", "/out",    "--reduce", "1",
      "--mapper", "Misbehaves",           "--reducer",  "GatedSum"};
  ASSERT_EQ(cluster_->Mr(run).exit_code, 1);
  const CommandResult crash = cluster_->Mr({"debug", Job(), "m-0"});
  EXPECT_EQ(crash.exit_code, 1);
  EXPECT_THAT(crash.err, HasSubstr("m-00000: reads 12 B of /two words from 0\n"));
  EXPECT_THAT(crash.err, HasSubstr("about to misbehave\n"));
  EXPECT_THAT(crash.err, HasSubstr("signal 11 (Segmentation fault) in Map, at /two words:5\n"));
  EXPECT_THAT(crash.err, HasSubstr("--gdb"));
  // A debugger gets the task, and the terminal.
  const std::string gdb = cluster_->scratch() + "/gdb";
  std::ofstream(gdb)
      << "#!/bin/sh\necho \"gdb got: $*\"\nwhile [ \"$1\" != --args ]; do shift; done\n"
         "shift\n\"$@\"\necho it ended with $?\n";
  chmod(gdb.c_str(), 0755);
  const CommandResult debugged =
      cluster_->Mr({"debug", Job(), "m-0", "--gdb"},
                   {.env = {{"PATH", cluster_->scratch() + ":/usr/bin:/bin"}}});
  EXPECT_EQ(debugged.exit_code, 0) << debugged.Describe();
  EXPECT_THAT(debugged.out, HasSubstr("-ex set breakpoint pending on --args "));
  EXPECT_THAT(debugged.out, HasSubstr("it ended with 139"));
  const CommandResult none =
      cluster_->Mr({"debug", Job(), "m-0", "--gdb"}, {.env = {{"PATH", "/nonexistent"}}});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err, HasSubstr("gdb: is not on this machine"));
}

// As `mr run --local` has it: nothing that user code calls makes a task succeed.
TEST_F(DebugTask, AnExitOfUserCodeIsAFailureWhateverItsCode) {
  Put("/in", "fine\npoison\n");
  for (const int code : {0, 1, 7}) {
    const std::vector<std::string> run = {"run",       JobPath("gated_words"),
                                          "/in",       fmt::format("/out{}", code),
                                          "--reduce",  "1",
                                          "--mapper",  "Misbehaves",
                                          "--reducer", "GatedSum",
                                          "--set",     "params.how=exit",
                                          "--set",     fmt::format("params.code={}", code)};
    ASSERT_EQ(cluster_->Mr(run).exit_code, 1);
    const CommandResult exits = cluster_->Mr({"debug", Job(), "m-0"});
    EXPECT_EQ(exits.exit_code, 1) << exits.Describe();
    EXPECT_THAT(exits.err, HasSubstr(fmt::format("m-00000: the process ended with exit code {} "
                                                 "before its task was done in Map, at /in:5\n",
                                                 code)));
    EXPECT_THAT(exits.err, Not(HasSubstr("wrote no files")));
  }
  const std::vector<std::string> throws = {
      "run",      JobPath("gated_words"), "/in",       "/out",     "--reduce", "1",
      "--mapper", "Misbehaves",           "--reducer", "GatedSum", "--set",    "params.how=throw"};
  ASSERT_EQ(cluster_->Mr(throws).exit_code, 1);
  const CommandResult threw = cluster_->Mr({"debug", Job(), "m-0"});
  EXPECT_EQ(threw.exit_code, 1);
  EXPECT_THAT(threw.err, HasSubstr("the poison was too strong"));
  EXPECT_THAT(threw.err, Not(HasSubstr("before its task was done"))) << "it has said it itself";
}

// It goes on, and would end without a failure, or by what its libraries make of it.
TEST_F(DebugTask, CodeThatClosesTheEnginesDescriptorsIsToldAsThat) {
  Put("/in", "fine\npoison\n");
  for (const std::string how : {"close all", "close streams"}) {
    const std::vector<std::string> run = {"run",       JobPath("gated_words"),
                                          "/in",       "/out",
                                          "--reduce",  "1",
                                          "--mapper",  "Misbehaves",
                                          "--reducer", "GatedSum",
                                          "--set",     "params.how=" + how};
    ASSERT_EQ(cluster_->Mr(run).exit_code, 1);
    const CommandResult debug = cluster_->Mr({"debug", Job(), "m-0"});
    EXPECT_EQ(debug.exit_code, 1) << debug.Describe();
    EXPECT_THAT(debug.err, HasSubstr("mr debug: m-00000: its code closed descriptors that belong "
                                     "to the engine ("));
    EXPECT_THAT(debug.err, Not(HasSubstr("without a failure")));
    EXPECT_THAT(debug.err, Not(HasSubstr("signal")));
  }
}

TEST_F(DebugTask, AReduceOfAnEndedJobRunsItsMapsAndWritesTheSame) {
  const std::string text = RandomText(100'000, /*seed=*/3);
  Put("/text", text);
  const CommandResult run = cluster_->Mr(CountWordsOf("/text"));
  ASSERT_EQ(run.exit_code, 0) << run.Describe();
  const std::string out = cluster_->scratch() + "/the output";
  const CommandResult debug = cluster_->Mr({"debug", Job(), "r-1", "-o", out});
  ASSERT_EQ(debug.exit_code, 0) << debug.Describe();
  EXPECT_THAT(debug.err, HasSubstr("these maps run here"));
  EXPECT_THAT(debug.err, HasSubstr("r-00001: ran here without a failure"));
  EXPECT_EQ(ReadAll(out + "/part-r-00001"), cluster_->Dfs({"cat", "/out put/part-r-00001"}).out);
  EXPECT_FALSE(ReadAll(out + "/part-r-00001").empty());
  EXPECT_EQ(cluster_->Mr({"debug", Job(), "r-1", "-o", out}).exit_code, 2) << "it is there";
  const CommandResult map = cluster_->Mr({"debug", Job(), "m-3", "-o", out + "2"});
  EXPECT_EQ(map.exit_code, 0) << map.Describe();
  EXPECT_THAT(map.err, HasSubstr("user.words = "));
  EXPECT_THAT(map.err, HasSubstr("m-00003: wrote no files"));
}

TEST_F(DebugTask, AReduceOfARunningJobTakesWhatIsThere) {
  Put("/text", RandomText(100'000, /*seed=*/4));
  Gate gate(cluster_->scratch() + "/gate");
  std::vector<std::string> words = CountWordsOf("/text");
  words.insert(words.begin(), "mr");
  words.insert(words.end(),
               {"--set", "params.map_gate=" + gate.path(), "--set", "params.map_gate_from=4"});
  const auto run = cluster_->StartCommand(words);
  ASSERT_TRUE(cluster_->Eventually([&] {
    const std::string status = cluster_->Mr({"status", Job(), "--json"}).out;
    return status.find("\"done\":4") != std::string::npos;
  }));
  const std::string out = cluster_->scratch() + "/out";
  const auto debug = cluster_->StartCommand({"mr", "debug", Job(), "r-0", "-o", out});
  // The other two it runs itself: they wait at the gate, as those of the job do.
  const std::string said = "r-00000: reads the outputs of 6 maps, 4 of them are still there\n";
  ASSERT_TRUE(cluster_->Eventually([&] {
    return debug->ErrSoFar().find(said) != std::string::npos;
  })) << debug->ErrSoFar();
  EXPECT_TRUE(debug->IsRunning());
  gate.Open();
  const CommandResult debugged = debug->Finish();
  ASSERT_EQ(debugged.exit_code, 0) << debugged.Describe();
  EXPECT_EQ(run->Finish().exit_code, 0);
  EXPECT_EQ(ReadAll(out + "/part-r-00000"), cluster_->Dfs({"cat", "/out put/part-r-00000"}).out);
}

TEST_F(DebugTask, WhatIsGoneIsNamed) {
  Put("/in", "one two\n");
  ASSERT_EQ(cluster_->Mr(CountWordsOf("/in")).exit_code, 0);
  const std::string job = Job();
  Put("/in", "one two three\n");
  const CommandResult replaced = cluster_->Mr({"debug", job, "m-0"});
  EXPECT_EQ(replaced.exit_code, 1);
  EXPECT_THAT(replaced.err, HasSubstr("m-00000: its input /in is gone: another file has the name"));
  ASSERT_EQ(cluster_->Dfs({"rm", "/in"}).exit_code, 0);
  const CommandResult removed = cluster_->Mr({"debug", job, "r-0"});
  EXPECT_EQ(removed.exit_code, 1);
  EXPECT_THAT(removed.err, HasSubstr("r-00000: its input /in is gone: it was removed"));
  ASSERT_EQ(cluster_->Dfs({"rm", "-r", "--internal", "/.quern/plugins"}).exit_code, 0);
  Put("/in", "one two\n");
  ASSERT_EQ(cluster_->Dfs({"rm", "-r", "/out put"}).exit_code, 0);
  ASSERT_EQ(cluster_->Mr(CountWordsOf("/in")).exit_code, 0);
  ASSERT_EQ(cluster_->Dfs({"rm", "-r", "--skip-trash", "--internal", "/.quern/plugins"}).exit_code,
            0);
  const CommandResult plugin = cluster_->Mr({"debug", Job(), "m-0"});
  EXPECT_EQ(plugin.exit_code, 1);
  EXPECT_THAT(plugin.err, HasSubstr("m-00000: the plugin: /.quern/plugins/"));
}

TEST_F(DebugTask, WrongUseIsSaid) {
  EXPECT_EQ(cluster_->Mr({"debug"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"debug", "job-20261122-0001"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"debug", "job-20261122-0001", "17"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"debug", "job-20261122-0001", "m-17.1"}).exit_code, 2);
  EXPECT_EQ(cluster_->Mr({"debug", "job-20261122-0001", "s-1"}).exit_code, 2);
  const CommandResult unknown = cluster_->Mr({"debug", "no such job", "m-1"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("no such job: no such job"));
  Put("/in", "one two\n");
  ASSERT_EQ(cluster_->Mr(CountWordsOf("/in")).exit_code, 0);
  const CommandResult task = cluster_->Mr({"debug", Job(), "r-9"});
  EXPECT_EQ(task.exit_code, 1);
  EXPECT_THAT(task.err, HasSubstr("r-00009: no such task"));
}

}  // namespace
}  // namespace quern::testing
