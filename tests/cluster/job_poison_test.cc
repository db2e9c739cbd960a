// One job harms itself and nobody else: whatever its code says or does, it ends, its workers stay,
// and other jobs run.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

class JobPoison : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 1, .workers = 2, .replication = 1});
    ASSERT_NE(cluster_, nullptr);
    Put("/hello", "hello\n");
    ASSERT_EQ(mkfifo(fifo().c_str(), 0600), 0);
  }
  std::string fifo() const { return cluster_->scratch() + "/fifo"; }
  void Put(const std::string& path, const std::string& text) {
    ASSERT_EQ(cluster_->Dfs({"put", "-", path}, {.stdin_text = text}).exit_code, 0);
  }
  std::vector<std::string> Command(const std::string& how, const std::string& input) {
    return {"run",      JobPath("poison"),
            input,      fmt::format("/out{}", ++outputs_),
            "--mapper", "Poison",
            "--set",    "params.how=" + how,
            "--set",    "params.fifo=" + fifo()};
  }
  CommandResult Run(const std::string& how, const std::string& input = "/hello",
                    const std::vector<std::string>& more = {"--reduce", "0"}) {
    std::vector<std::string> command = Command(how, input);
    command.insert(command.end(), more.begin(), more.end());
    return cluster_->Mr(command, {.timeout = absl::Seconds(120)});
  }
  // The workers are the ones that were started, and both take part.
  void ExpectClusterWorks() {
    for (const char* worker : {"worker1", "worker2"}) EXPECT_TRUE(cluster_->IsRunning(worker));
    const CommandResult other =
        cluster_->Mr({"run", "wordcount", "/hello", fmt::format("/words{}", ++outputs_)},
                     {.timeout = absl::Seconds(120)});
    EXPECT_EQ(other.exit_code, 0) << other.Describe();
    EXPECT_EQ(cluster_->Mr({"list"}).exit_code, 0);
  }
  // Waits for the daemon's first byte, and later for its death.
  UniqueFd WaitForDaemon() {
    UniqueFd reader(open(fifo().c_str(), O_RDONLY | O_CLOEXEC));
    char byte = 0;
    EXPECT_EQ(read(reader.get(), &byte, 1), 1);
    return reader;
  }
  static bool HasDied(const UniqueFd& daemon) {
    pollfd event = {daemon.get(), POLLIN, 0};
    char byte = 0;
    return poll(&event, 1, 60'000) == 1 && read(daemon.get(), &byte, 1) == 0;
  }

  std::unique_ptr<Cluster> cluster_;
  int outputs_ = 0;
};

TEST_F(JobPoison, WhatATaskSaysFailsAtMostItself) {
  Put("/long", std::string(9'000'000, 'x'));
  struct Case {
    std::string how;
    std::string input;
    std::string expected;
  };
  for (const Case& c :
       {Case{"odd log", "/hello", "signal 6"}, Case{"long line", "/hello", "signal 6"},
        Case{"throw", "/long", "bad record: xxx"},
        Case{"counters", "/hello", "a task may have 1000 counters"},
        Case{"long counter", "/hello", "the name of a counter has 9000000 bytes"}}) {
    const CommandResult result = Run(c.how, c.input);
    EXPECT_EQ(result.exit_code, 1) << result.Describe();
    EXPECT_THAT(result.out + result.err, HasSubstr(c.expected));
    EXPECT_LE(result.err.size(), 100'000u) << c.how;
  }
  const CommandResult status = Run("long status");
  EXPECT_EQ(status.exit_code, 0) << status.Describe();
  ExpectClusterWorks();
}

TEST_F(JobPoison, ATaskCannotKillItsWorker) {
  Run("kill parent");
  ExpectClusterWorks();
}

TEST_F(JobPoison, ADaemonEndsWithItsJob) {
  const auto job = cluster_->StartCommand([&] {
    std::vector<std::string> command = Command("daemon", "/hello");
    command.insert(command.begin(), "mr");
    command.insert(command.end(), {"--reduce", "0"});
    return command;
  }());
  const UniqueFd daemon = WaitForDaemon();
  EXPECT_EQ(job->Finish().exit_code, 0);
  EXPECT_TRUE(HasDied(daemon));
}

TEST_F(JobPoison, ADaemonEndsWithItsWorker) {
  const auto job = cluster_->StartCommand([&] {
    std::vector<std::string> command = Command("hang with daemon", "/hello");
    command.insert(command.begin(), "mr");
    command.insert(command.end(), {"--reduce", "0", "--detach"});
    return command;
  }());
  const UniqueFd daemon = WaitForDaemon();
  cluster_->Kill("worker1");
  cluster_->Kill("worker2");
  EXPECT_TRUE(HasDied(daemon));
}

TEST_F(JobPoison, ValuesOfOneLongGroupAreProgress) {
  std::string lines;
  constexpr int kValues = 200;
  for (int i = 0; i < kValues; ++i) lines += "key\n";
  Put("/values", lines);
  // Longer together than a task may stand still.
  const CommandResult result = Run("well", "/values",
                                   {"--reduce", "1", "--reducer", "SlowCount", "--set",
                                    "params.value_ms=25", "--set", "limits.timeout=3s"});
  EXPECT_EQ(result.exit_code, 0) << result.Describe();
  const CommandResult out = cluster_->Dfs({"cat", fmt::format("/out{}/part-*", outputs_)});
  EXPECT_EQ(out.out, fmt::format("key\t{}\n", kValues));
}

}  // namespace
}  // namespace quern::testing
