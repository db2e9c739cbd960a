// A pipeline of five stages over much data whose client, coordinator, workers and machines die at
// random points: what it publishes is what it publishes undisturbed, no stage that has ended is run
// again, and a changed parameter of the last stage costs one stage.
//
//   pipeline_trial [--megabytes N] [--seed S]
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/clock.h"
#include "tests/campaign/faults.h"
#include "tests/campaign/options.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::campaign {
namespace {

using nlohmann::json;
using testing::Cluster;
using testing::CommandResult;

constexpr absl::Duration kLongest = absl::Minutes(40);
constexpr uint64_t kDefaultMegabytes = 1024;
constexpr uint64_t kFileMegabytes = 64;
constexpr uint64_t kDiskBytes = uint64_t{8} << 30;
constexpr size_t kStages = 5;

constexpr std::string_view kPipeline = R"(
[[stage]]
name = "lines"
job = "grep"
input = ["@in"]
params = {{ pattern = "w1[0-9a-f]*7", invert = true }}

[[stage]]
name = "sorted"
job = "sort"
input = ["@lines"]
reduce = {{ tasks = 8 }}

[[stage]]
name = "counts"
job = "wordcount"
input = ["@sorted"]
reduce = {{ tasks = 4 }}
output = "counts"

[[stage]]
name = "again"
plugin = "{}"
input = [{{ path = "@counts", mapper = "GatedWords" }}]
reduce = {{ tasks = 4, class = "GatedSum" }}
output = {{ format = "text", codec = "zstd" }}

[[stage]]
name = "top"
job = "top-n"
input = ["@again"]
output = "top"
params = {{ n = 10000 }}
)";

class PipelineTrial : public ::testing::Test {
 protected:
  // How far a pipeline is: stages that have ended, and the part of the next one's tasks.
  struct Point {
    size_t stages = 0;
    double tasks = 0;
  };

  void SetUp() override {
    if (!testing::PowerCutDisk::Available()) GTEST_SKIP() << "needs root and loop devices";
    std::cout << fmt::format("seed {}\n", Get().seed);
    cluster_ = Cluster::Start({.chunkservers = 3,
                               .workers = 2,
                               .replication = 2,
                               .disk_per_server = true,
                               .disk_bytes = kDiskBytes,
                               .keep_logs_in = "pipeline-trial"});
    ASSERT_NE(cluster_, nullptr);
    spec_ = cluster_->scratch() + "/five.toml";
    std::ofstream(spec_) << fmt::format(kPipeline, testing::JobPath("gated_words"));
    const uint64_t megabytes = Get().megabytes > 0 ? Get().megabytes : kDefaultMegabytes;
    ASSERT_EQ(cluster_->Dfs({"mkdir", "/in"}).exit_code, 0);
    for (uint64_t done = 0; done < megabytes; done += kFileMegabytes) {
      const uint64_t size = std::min(kFileMegabytes, megabytes - done);
      const CommandResult put = cluster_->Dfs(
          {"put", "-", fmt::format("/in/{}", done)},
          {.stdin_text = testing::RandomText(size << 20, random_()), .timeout = kLongest});
      ASSERT_EQ(put.exit_code, 0) << put.Describe();
    }
    std::cout << fmt::format("{} MB of lines are in the cluster\n", megabytes) << std::flush;
  }

  std::vector<std::string> Words(const std::string& out,
                                 const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"mr", "run", spec_, "/in", out};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::vector<json> Jobs() {
    std::vector<json> jobs;
    std::istringstream lines(cluster_->Mr({"list", "-n", "1000", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      if (json job = json::parse(line, nullptr, false); !job.is_discarded()) jobs.push_back(job);
    }
    return jobs;
  }
  json Newest() {
    for (json& job : Jobs()) {
      if (job.contains("stages")) return job;
    }
    return {};
  }
  size_t JobsOf(const std::string& pipeline) {
    size_t count = 0;
    for (const json& job : Jobs()) count += job.value("pipeline", "") == pipeline ? 1 : 0;
    return count;
  }

  // Of the last stage its beginning: it is short.
  Point Anywhere() {
    const size_t stages = random_() % kStages;
    const double tasks = static_cast<double>(random_() % 1000) / 1000;
    return {stages, stages + 1 < kStages ? tasks : 0};
  }
  // Zero while there is no pipeline that runs.
  Point Progress() {
    const json pipeline = Newest();
    if (pipeline.is_null() || pipeline.at("state") != "RUNNING") return {};
    Point point;
    std::string job;
    for (const json& stage : pipeline.at("stages")) {
      if (stage.at("state") == "DONE" || stage.at("state") == "REUSED") ++point.stages;
      if (stage.at("state") == "RUNNING") job = stage.at("job");
    }
    for (const json& one : Jobs()) {
      if (one.at("job") != job) continue;
      const double total = one.at("map").value("total", 0.0) + one.at("reduce").value("total", 0.0);
      const double done = one.at("map").value("done", 0.0) + one.at("reduce").value("done", 0.0);
      point.tasks = total > 0 ? done / total : 0;
    }
    return point;
  }
  // False when it has ended before.
  bool WaitFor(const Point& point, const std::string& earlier) {
    bool ended = false;
    cluster_->Eventually(
        [&] {
          const json pipeline = Newest();
          if (pipeline.is_null() || pipeline.at("job") == earlier) return false;
          ended = pipeline.at("state") != "RUNNING";
          const Point now = Progress();
          return ended || now.stages > point.stages ||
                 (now.stages == point.stages && now.tasks >= point.tasks);
        },
        kLongest);
    return !ended;
  }
  std::string NewestId() {
    const json newest = Newest();
    return newest.is_null() ? "" : newest.at("job").get<std::string>();
  }

  // Of everything that is published, as it is read.
  std::string Digest(const std::string& out) {
    std::string digests;
    for (const char* stage : {"counts", "top"}) {
      const std::string file = cluster_->scratch() + "/read";
      const CommandResult read =
          cluster_->Dfs({"cat", fmt::format("{}/{}/part-*", out, stage)}, {.stdout_file = file});
      EXPECT_EQ(read.exit_code, 0) << read.Describe();
      digests += testing::Sha256OfFile(file) + " ";
    }
    return digests;
  }

  void DropAll() {
    for (const json& job : Jobs()) {
      if (job.contains("stages")) cluster_->Mr({"drop", job.at("job")});
    }
    EXPECT_EQ(cluster_->Dfs({"find", "/.quern/pipelines", "--type", "f"}).out, "");
  }

  void Say(const std::string& what, absl::Time start) const {
    std::cout << fmt::format("{}: {:.1f} s\n", what,
                             absl::ToDoubleSeconds(Clock::Real()->MonotonicNow() - start))
              << std::flush;
  }

  static std::string Describe(const Point& point) {
    return fmt::format("after {} stages and {:.0f} % of the next", point.stages, 100 * point.tasks);
  }

  // Runs it into `out`, strikes at a random point, and waits for its end. The newest pipeline is
  // its own.
  void RunAndStrike(const std::string& what, const std::string& out,
                    const std::function<void(testing::Command*)>& strike) {
    const absl::Time start = Clock::Real()->MonotonicNow();
    const std::string earlier = NewestId();
    const auto client = cluster_->StartCommand(Words(out, {"--keep"}), {.timeout = kLongest});
    const Point point = Anywhere();
    const bool in_time = WaitFor(point, earlier);
    strike(client.get());
    const CommandResult watched = cluster_->Mr({"watch", NewestId()}, {.timeout = kLongest});
    EXPECT_EQ(watched.exit_code, 0) << what << ": " << watched.Describe();
    Say(fmt::format("{} {}{}", what, Describe(point), in_time ? "" : ", too late"), start);
    EXPECT_EQ(Digest(out), undisturbed_) << what;
  }

  // Nothing that had ended was run again.
  void ExpectEachStageOnce(const std::string& what) {
    EXPECT_EQ(JobsOf(NewestId()), kStages) << what;
  }

  Random random_{Get().seed};
  std::unique_ptr<Cluster> cluster_;
  std::string spec_;
  std::string undisturbed_;
};

TEST_F(PipelineTrial, PublishesTheSameWhateverDies) {
  absl::Time start = Clock::Real()->MonotonicNow();
  const CommandResult plain = cluster_->Mr({"run", spec_, "/in", "/plain"}, {.timeout = kLongest});
  ASSERT_EQ(plain.exit_code, 0) << plain.Describe();
  Say("undisturbed", start);
  undisturbed_ = Digest("/plain");
  DropAll();

  const auto kill = [](testing::Command* client) {
    client->Signal(SIGKILL);
    client->Finish();
  };
  RunAndStrike("client killed", "/client", kill);
  ExpectEachStageOnce("client killed");
  DropAll();

  RunAndStrike("client and pipeline killed, resumed", "/resumed", [&](testing::Command* client) {
    kill(client);
    const std::string id = NewestId();
    cluster_->Mr({"kill", id});
    cluster_->Mr({"watch", id}, {.timeout = kLongest});
    if (Newest().at("state") == "SUCCEEDED") return;
    const size_t before = JobsOf(id);
    const CommandResult resumed = cluster_->Mr({"rerun", id, "--resume"}, {.timeout = kLongest});
    EXPECT_EQ(resumed.exit_code, 0) << resumed.Describe();
    // The stage that was killed has a job in both.
    EXPECT_LE(before + JobsOf(NewestId()), kStages + 1);
  });
  DropAll();

  RunAndStrike("coordinator killed", "/coordinator",
               [&](testing::Command*) { KillServer(cluster_.get(), "coordinator").undo(); });
  ExpectEachStageOnce("coordinator killed");
  DropAll();

  RunAndStrike("worker killed", "/worker",
               [&](testing::Command*) { KillServer(cluster_.get(), "worker1").undo(); });
  ExpectEachStageOnce("worker killed");
  DropAll();

  RunAndStrike("power cut of every server and client killed", "/power",
               [&](testing::Command* client) {
                 kill(client);
                 CutPower(cluster_.get(), {"master", "chunkserver1", "chunkserver2", "chunkserver3",
                                           "coordinator", "worker1", "worker2"})
                     .undo();
               });
  ExpectEachStageOnce("power cut");

  start = Clock::Real()->MonotonicNow();
  const CommandResult changed =
      cluster_->Mr({"run", spec_, "/in", "/power", "--keep", "--overwrite", "--set", "top.n=10"},
                   {.timeout = kLongest});
  ASSERT_EQ(changed.exit_code, 0) << changed.Describe();
  Say("another parameter of the last stage", start);
  EXPECT_EQ(JobsOf(NewestId()), 1u);
  const std::string all = cluster_->Dfs({"cat", "/plain/top/part-*"}).out;
  const std::string ten = cluster_->Dfs({"cat", "/power/top/part-*"}).out;
  EXPECT_EQ(std::count(ten.begin(), ten.end(), '\n'), 10);
  EXPECT_TRUE(all.starts_with(ten));
  DropAll();
}

}  // namespace
}  // namespace quern::campaign

int main(int argc, char** argv) {
  quern::campaign::Parse(&argc, argv);
  return RUN_ALL_TESTS();
}
