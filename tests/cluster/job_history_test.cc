// What is known of a job that has ended is known after a restart of the coordinator, too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

class JobHistory : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
    ASSERT_EQ(cluster_->Dfs({"put", "-", "/in put"}, {.stdin_text = "fine\npoison\n"}).exit_code,
              0);
  }
  // Runs a job, whatever becomes of it; its id.
  std::string RunJob(const std::string& mapper, const std::string& out, const char* reduces) {
    cluster_->Mr({"run", JobPath("gated_words"), "/in put", out, "--reduce", reduces, "--mapper",
                  mapper, "--reducer", "GatedSum"});
    std::istringstream list(cluster_->Mr({"list"}).out);
    list.ignore(1'000, '\n');
    std::string job;
    list >> job;
    return job;
  }
  // Everything that can be asked about a job.
  std::string Describe(const std::string& job) {
    std::string all;
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{"status", job, "--json"},
                                               {"tasks", job, "--json"},
                                               {"tasks", job, "--failed", "--json"},
                                               {"tasks", job, "--slowest", "--json"},
                                               {"tasks", job},
                                               {"why", job, "--json"},
                                               {"counters", job, "--json"},
                                               {"logs", job},
                                               {"logs", job, "m-0"}}) {
      const CommandResult result = cluster_->Mr(command);
      all += fmt::format("{}: {} {}\n{}", command[0], result.exit_code, result.err, result.out);
    }
    return all;
  }
  void RestartCoordinator() {
    cluster_->Kill("coordinator");
    cluster_->Restart("coordinator");
    ASSERT_TRUE(cluster_->Eventually([&] {
      const std::string workers = cluster_->Mr({"workers", "--json"}).out;
      return workers.find("worker") != std::string::npos &&
             workers.find("\"alive\":false") == std::string::npos &&
             std::count(workers.begin(), workers.end(), '\n') == 2;
    }));
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(JobHistory, TasksTimesAndFailuresOutliveTheCoordinator) {
  const std::string failed = RunJob("Misbehaves", "/failed", "0");
  const std::string succeeded = RunJob("GatedWords", "/out", "1");
  ASSERT_NE(failed, succeeded);
  const std::string of_failed = Describe(failed);
  const std::string of_succeeded = Describe(succeeded);
  EXPECT_THAT(of_failed, HasSubstr("signal 11 (Segmentation fault)"));
  EXPECT_THAT(of_failed, HasSubstr("m-00000.3"));
  EXPECT_THAT(cluster_->Mr({"tasks", failed}).out, HasSubstr("in Map, at /in put:5"));
  EXPECT_THAT(cluster_->Mr({"logs", failed}).out, HasSubstr("in Map, at /in put:5\n"));
  EXPECT_THAT(of_failed, HasSubstr("about to misbehave"));
  EXPECT_THAT(of_succeeded, HasSubstr("r-00000.0"));
  for (int restart = 0; restart < 2; ++restart) {
    RestartCoordinator();
    EXPECT_EQ(Describe(failed), of_failed);
    EXPECT_EQ(Describe(succeeded), of_succeeded);
  }
  // What a task has read is known as well.
  const CommandResult debug = cluster_->Mr({"debug", failed, "m-0"});
  EXPECT_EQ(debug.exit_code, 1);
  EXPECT_THAT(debug.err, HasSubstr("in Map, at /in put:5"));
  EXPECT_EQ(cluster_->Mr({"debug", succeeded, "r-0"}).exit_code, 0);
  // Whose log is gone with its worker.
  const std::string tasks = cluster_->Mr({"tasks", succeeded}).out;
  cluster_->Kill("worker1");
  cluster_->Kill("worker2");
  cluster_->Kill("coordinator");
  cluster_->Restart("coordinator");
  const CommandResult gone = cluster_->Mr({"logs", failed, "m-0"});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_THAT(gone.err, HasSubstr("is gone, and its log with it"));
  EXPECT_EQ(cluster_->Mr({"tasks", succeeded}).out, tasks);
  const CommandResult follow = cluster_->Mr({"logs", "-f", succeeded});
  EXPECT_EQ(follow.exit_code, 1);
  EXPECT_THAT(follow.err, HasSubstr("has ended, there is nothing to follow"));
}

TEST_F(JobHistory, AsManyEndedJobsAreShownAsAskedForWhateverRuns) {
  const std::string first = RunJob("GatedWords", "/first", "1");
  const std::string second = RunJob("GatedWords", "/second", "1");
  Gate gate(cluster_->scratch() + "/gate");
  const auto running = cluster_->StartCommand(
      {"mr", "run", JobPath("gated_words"), "/in put", "/out", "--mapper", "GatedWords",
       "--reducer", "GatedSum", "--set", "params.map_gate=" + gate.path()});
  ASSERT_TRUE(cluster_->Eventually([&] {
    const std::string newest = cluster_->Mr({"list", "-n", "1"}).out;
    return newest.find(first) == std::string::npos && newest.find(second) == std::string::npos;
  }));
  const std::string one = cluster_->Mr({"history", "-n", "1"}).out;
  EXPECT_THAT(one, HasSubstr(second));
  EXPECT_THAT(one, ::testing::Not(HasSubstr(first)));
  const std::string all = cluster_->Mr({"history"}).out;
  EXPECT_THAT(all, ::testing::AllOf(HasSubstr(second), HasSubstr(first)));
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3) << all;
  gate.Open();
  EXPECT_EQ(running->Finish().exit_code, 0);
  EXPECT_THAT(cluster_->Mr({"history", "-n", "1"}).out, ::testing::Not(HasSubstr(second)));
}

}  // namespace
}  // namespace quern::testing
