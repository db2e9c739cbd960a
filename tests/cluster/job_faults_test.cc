// Deaths in the middle of a job: the output and the counters are those of an undisturbed run, and
// nothing is visible before the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using nlohmann::json;

constexpr size_t kTextBytes = size_t{6} << 20;
constexpr int kMaps = 12;
constexpr int kUngatedMaps = 4;  // finish at once; the others wait at the gate
constexpr absl::Duration kPatience = absl::Seconds(60);

std::vector<json> JsonLines(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

class JobFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 3, .workers = 3});
    ASSERT_NE(cluster_, nullptr);
    text_ = RandomText(kTextBytes, /*seed=*/1);
    ASSERT_EQ(cluster_->Dfs({"put", "-", "/text"}, {.stdin_text = text_}).exit_code, 0);
    map_gate_.emplace(cluster_->scratch() + "/map_gate");
    reduce_gate_.emplace(cluster_->scratch() + "/reduce_gate");
  }

  // Word count that waits at both gates; its first maps do not.
  void StartJob(int ungated_maps = kUngatedMaps) {
    job_ = cluster_->StartCommand({"mr", "run", JobPath("gated_words"), "/text", "/out", "--reduce",
                                   "3", "--mapper", "GatedWords", "--reducer", "GatedSum", "--set",
                                   fmt::format("limits.split={}", kTextBytes / kMaps + 1), "--set",
                                   "params.map_gate=" + map_gate_->path(), "--set",
                                   fmt::format("params.map_gate_from={}", ungated_maps), "--set",
                                   "params.reduce_gate=" + reduce_gate_->path()},
                                  {.timeout = absl::Seconds(120)});
  }
  json Status() {
    const auto jobs = JsonLines(cluster_->Mr({"list", "--json"}).out);
    if (jobs.empty()) return json::object();
    const auto status = JsonLines(cluster_->Mr({"status", jobs.front().at("job"), "--json"}).out);
    return status.empty() ? json::object() : status.front();
  }
  // Waits until so many tasks of the phase are "done", "running" or have been "rerun".
  void WaitFor(const char* phase, const char* count, int at_least) {
    ASSERT_TRUE(cluster_->Eventually(
        [&] {
          const json status = Status();
          return status.contains(phase) && status[phase].at(count) >= at_least;
        },
        kPatience))
        << Status();
  }
  // Name of the worker that holds the output of a finished map, or runs a reduce.
  std::string WorkerWith(std::string_view kind, std::string_view state) {
    for (const json& attempt :
         JsonLines(cluster_->Mr({"tasks", Status().at("job"), "--json"}).out)) {
      const std::string id = attempt.at("attempt");
      if (!id.starts_with(kind) || attempt.at("state") != state) continue;
      const std::string node = attempt.at("node");  // node-2 <-> worker2
      return "worker" + node.substr(node.find('-') + 1);
    }
    ADD_FAILURE() << "no " << kind << " attempt is " << state;
    return "worker1";
  }
  void ExpectNothingVisible() { EXPECT_EQ(cluster_->Dfs({"test", "-e", "/out"}).exit_code, 1); }
  // Opens the gates and compares the end with an undisturbed run.
  void FinishAndCheck() {
    map_gate_->Open();
    reduce_gate_->Open();
    const CommandResult ended = job_->Finish();
    ASSERT_EQ(ended.exit_code, 0) << ended.Describe();
    const CommandResult out = cluster_->Dfs({"cat", "/out/part-*"});
    EXPECT_EQ(out.exit_code, 0) << out.err;
    const std::string want = CountWords(text_);
    EXPECT_TRUE(SortLines(out.out) == want) << "the output differs";
    int64_t words = 0;
    for (const json& counter :
         JsonLines(cluster_->Mr({"counters", Status().at("job"), "--json"}).out)) {
      if (counter.at("name") == "words") words = counter.at("value");
    }
    EXPECT_EQ(words, CountAllWords(text_));
  }
  static int64_t CountAllWords(const std::string& text) {
    std::istringstream in(text);
    int64_t words = 0;
    for (std::string word; in >> word;) ++words;
    return words;
  }

  std::unique_ptr<Cluster> cluster_;
  std::string text_;
  std::optional<Gate> map_gate_, reduce_gate_;
  std::unique_ptr<Command> job_;
};

TEST_F(JobFaults, UndisturbedItEqualsASequentialRun) {
  StartJob();
  FinishAndCheck();
  uint64_t mapped = 0;
  for (const json& attempt : JsonLines(cluster_->Mr({"tasks", Status().at("job"), "--json"}).out)) {
    if (std::string(attempt.at("attempt")).starts_with("m-")) {
      mapped += attempt.at("input_bytes").get<uint64_t>();
    }
  }
  EXPECT_EQ(mapped, text_.size()) << "every attempt says what it read, however quick it was";
}

TEST_F(JobFaults, AWorkerKilledDuringMapCostsOnlyItsMaps) {
  StartJob();
  WaitFor("map", "done", kUngatedMaps);
  cluster_->Kill(WorkerWith("m-", "SUCCEEDED"));
  ExpectNothingVisible();
  WaitFor("map", "rerun", 1);  // the gate holds the job meanwhile
  FinishAndCheck();
}

TEST_F(JobFaults, AWorkerKilledDuringShuffleCostsOnlyItsMaps) {
  // One map is left, so reduces have begun: they fetch what there is and wait for the rest.
  constexpr int kDone = kMaps - 1;
  StartJob(kDone);
  WaitFor("map", "done", kDone);
  WaitFor("reduce", "running", 1);
  cluster_->Kill(WorkerWith("m-", "SUCCEEDED"));
  ExpectNothingVisible();
  WaitFor("map", "rerun", 1);  // the gate holds the job meanwhile
  FinishAndCheck();
}

TEST_F(JobFaults, AWorkerKilledDuringReduceIsReplaced) {
  StartJob();
  map_gate_->Open();
  WaitFor("map", "done", kMaps);
  WaitFor("reduce", "running", 1);
  cluster_->Kill(WorkerWith("r-", "RUNNING"));
  ExpectNothingVisible();
  FinishAndCheck();
}

TEST_F(JobFaults, ACoordinatorKilledDuringMapContinuesTheJob) {
  StartJob();
  WaitFor("map", "done", kUngatedMaps);
  cluster_->Kill("coordinator");
  ExpectNothingVisible();
  cluster_->Restart("coordinator");
  FinishAndCheck();
}

TEST_F(JobFaults, ACoordinatorKilledDuringReduceContinuesTheJob) {
  StartJob();
  map_gate_->Open();
  WaitFor("map", "done", kMaps);
  WaitFor("reduce", "running", 1);
  cluster_->Kill("coordinator");
  cluster_->Restart("coordinator");
  ExpectNothingVisible();
  FinishAndCheck();
}

TEST_F(JobFaults, AMasterKilledMidJobIsWaitedFor) {
  StartJob();
  WaitFor("map", "done", kUngatedMaps);
  cluster_->Kill("master");
  map_gate_->Open();
  reduce_gate_->Open();
  cluster_->Restart("master");
  FinishAndCheck();
}

TEST_F(JobFaults, AChunkserverKilledMidJobIsReadRound) {
  StartJob();
  WaitFor("map", "done", kUngatedMaps);
  cluster_->Kill("chunkserver2");
  FinishAndCheck();
}

}  // namespace
}  // namespace quern::testing
