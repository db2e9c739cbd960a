// Jobs while machines fail in every way: each ends, and its output and counters are those of the
// same job run sequentially on one machine.
//
//   start a cluster -> { a random job begins and is held at a gate -> faults are done -> the gate
//   opens -> they are undone -> the job ends -> its manifest equals the sequential one } ...
//
//   jobs_campaign [--minutes N] [--seed S]      as ctest runs it: one short round
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/clock.h"
#include "tests/campaign/faults.h"
#include "tests/campaign/options.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"
#include "tests/cluster/test_data.h"

namespace quern::campaign {
namespace {

using nlohmann::json;
using testing::Cluster;
using testing::Gate;

constexpr int kWorkers = 3;
constexpr int kChunkservers = 3;
constexpr int kShortJobs = 3;
constexpr int kJobs = 12;
constexpr absl::Duration kLongestJob = absl::Seconds(240);
constexpr absl::Duration kStart = absl::Seconds(60);

// Counters that do not depend on how the records came together in spills and merges.
constexpr std::string_view kExactCounters[] = {"quern.map_input_bytes",
                                               "quern.map_input_records",
                                               "quern.map_output_records",
                                               "quern.reduce_input_groups",
                                               "quern.reduce_output_records",
                                               "matches",
                                               "words"};

// What a job leaves behind that must be the same however it was run.
std::string Essence(const std::string& manifest) {
  const json all = json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (all.is_discarded()) return "no manifest: " + manifest.substr(0, 200);
  std::ostringstream out;
  for (const json& part : all.value("parts", json::array())) out << part.dump() << "\n";
  const json counters = all.value("counters", json::object());
  for (const std::string_view name : kExactCounters) {
    const auto counter = counters.find(std::string(name));
    if (counter != counters.end()) out << name << "=" << *counter << "\n";
  }
  return out.str();
}

class Round {
 public:
  explicit Round(uint64_t seed) : random_(seed), seed_(seed) {}

  void Run(int jobs) {
    disks_ = testing::PowerCutDisk::Available();
    cluster_ = Cluster::Start({.chunkservers = kChunkservers,
                               .workers = kWorkers,
                               .replication = 2,
                               .disk_per_server = disks_,
                               .keep_logs_in = fmt::format("jobs-{}", seed_)});
    ASSERT_NE(cluster_, nullptr);
    text_ = cluster_->scratch() + "/text";
    std::ofstream(text_) << testing::RandomText(size_t{3} << 20, seed_);
    const auto put = cluster_->Dfs({"put", text_, "/text"});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
    for (int job = 0; job < jobs && !::testing::Test::HasFailure(); ++job) OneJob(job);
  }

 private:
  struct Job {
    std::vector<std::string> argv;  // after "mr run", with IN and OUT left out
    bool gated = false;
    std::vector<std::string> outputs = {};  // besides the main one: OUT-NAME
  };

  void OneJob(int number) {
    Gate map_gate(fmt::format("{}/map_gate{}", cluster_->scratch(), number));
    const Job job = Choose(map_gate.path());
    const std::string out = fmt::format("/out{}", number);
    std::vector<std::string> argv = {"mr", "run"};
    argv.insert(argv.end(), job.argv.begin(), job.argv.end());
    argv.insert(argv.end(), {"/text", out});
    const auto running = cluster_->StartCommand(argv, {.timeout = kLongestJob});
    if (job.gated) {
      cluster_->Eventually([&] { return SomethingRuns() || !running->IsRunning(); }, kStart);
    }
    std::vector<Fault> faults;
    std::string what;
    for (uint64_t i = 0; i < 1 + random_() % 2; ++i) {
      faults.push_back(DoOneToJob());
      what += (what.empty() ? "" : ", ") + faults.back().what;
    }
    std::cout << fmt::format("seed {} job {}: {}\n", seed_, number, what) << std::flush;
    map_gate.Open();
    while (!faults.empty()) {
      faults.back().undo();
      faults.pop_back();
    }
    const testing::CommandResult result = running->Finish();
    EXPECT_EQ(result.exit_code, 0) << what << ": " << result.Describe() << Replay();
    const auto read = [&](const std::string& path) { return cluster_->Dfs({"cat", path}).out; };
    EXPECT_EQ(EssenceOf(job, out, read), Sequential(job, number)) << what << Replay();
  }

  // Of all its outputs.
  template <typename Read>
  static std::string EssenceOf(const Job& job, const std::string& out, Read read) {
    std::string all = Essence(read(out + "/_MANIFEST.json"));
    for (const std::string& name : job.outputs) {
      all += Essence(read(fmt::format("{}-{}/_MANIFEST.json", out, name)));
    }
    return all;
  }

  Job Choose(const std::string& gate) {
    const std::string reduces = std::to_string(1 + random_() % 5);
    const std::string split = "limits.split=" + std::to_string((size_t{64} << 10) << random_() % 4);
    switch (random_() % 8) {
      case 0:
        return {{"sort", "--reduce", reduces, "--set", split}};
      case 1:
        return {{"grep", "--set", split, "w1[0-9a-f]*7"}};
      case 2:
        return {{"wordcount", "--reduce", reduces, "--set", split, "--memory", "64MiB"}};
      case 3:
        return {
            {"--map", "tr ' ' '\\n'", "--reduce", "uniq -c", "--reduce", reduces, "--set", split}};
      case 4:
        return {
            {"wordcount", "--reduce", reduces, "--set", split, "--set", "output.format=record"}};
      case 5:
        return {{NamedOutputsSpec(), "--reduce", reduces, "--set", split},
                /*gated=*/false,
                {"errors", "others", "rare"}};
      default:
        return {{testing::JobPath("gated_words"), "--reduce", reduces, "--mapper", "GatedWords",
                 "--reducer", "GatedSum", "--set", split, "--set", "params.map_gate=" + gate,
                 "--set", fmt::format("params.map_gate_from={}", random_() % 6)},
                /*gated=*/true};
    }
  }

  // The same job on this machine, one task after another, with the gate open.
  std::string Sequential(const Job& job, int number) {
    const std::string out = fmt::format("{}/out{}", cluster_->scratch(), number);
    std::vector<std::string> argv = {"run"};
    argv.insert(argv.end(), job.argv.begin(), job.argv.end());
    argv.insert(argv.end(), {"file://" + text_, "file://" + out, "--local"});
    const auto result = cluster_->Mr(argv, {.timeout = kLongestJob});
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
    return EssenceOf(job, out, [](const std::string& path) {
      std::ostringstream text;
      text << std::ifstream(path).rdbuf();
      return text.str();
    });
  }

  std::string NamedOutputsSpec() {
    const std::string path = cluster_->scratch() + "/split.toml";
    std::ofstream(path) << fmt::format(
        "name = \"split\"\nplugin = "
        "\"{}\"\n[outputs.errors]\n[outputs.warnings]\n[outputs.others]\n[outputs.rare]\n",
        testing::JobPath("log_split"));
    return path;
  }

  bool SomethingRuns() {
    std::istringstream lines(cluster_->Mr({"list", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      const json job = json::parse(line, nullptr, false);
      if (!job.is_discarded() && job.value("state", "") == "RUNNING") return true;
    }
    return false;
  }

  Fault DoOneToJob() {
    const std::string worker = fmt::format("worker{}", 1 + random_() % kWorkers);
    const std::string chunkserver = fmt::format("chunkserver{}", 1 + random_() % kChunkservers);
    switch (random_() % (disks_ ? 10 : 6)) {
      case 0:
        return KillServer(cluster_.get(), worker);
      case 1:
        return KillServer(cluster_.get(), "coordinator");
      case 2:
        return PauseServer(cluster_.get(), worker);
      case 3:
        return PauseServer(cluster_.get(), "coordinator");
      case 4:
        return KillServer(cluster_.get(), chunkserver);
      case 5:
        return TearPlugins(worker);
      case 6:
        return CutPower(cluster_.get(), {"coordinator"});
      case 7:
        return CutPower(cluster_.get(), {worker});
      case 8:
        return CutPower(cluster_.get(), {"coordinator", "worker1", "worker2", "worker3"});
      default:
        return FillDisk(cluster_.get(), worker);
    }
  }

  // As a power cut leaves a file that was written and renamed without a sync.
  Fault TearPlugins(const std::string& worker) {
    cluster_->Kill(worker);
    int torn = 0;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(cluster_->spec(worker).dir)) {
      if (!entry.is_regular_file() || entry.path().extension() != ".so") continue;
      std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
      ++torn;
    }
    return {fmt::format("{} torn plugins at {}", torn, worker),
            [this, worker] { cluster_->Restart(worker); }};
  }

  std::string Replay() const {
    return fmt::format("\nreplay: tests/campaign.sh --only jobs --seed {}", seed_);
  }

  Random random_;
  const uint64_t seed_;
  bool disks_ = false;
  std::unique_ptr<Cluster> cluster_;
  std::string text_;
};

TEST(JobsCampaign, EveryJobEndsWithTheSequentialAnswer) {
  Clock* const clock = Clock::Real();
  const absl::Time until = clock->MonotonicNow() + Get().duration;
  uint64_t seed = Get().seed;
  do {
    Round(seed++).Run(Get().duration == absl::ZeroDuration() ? kShortJobs : kJobs);
  } while (!HasFailure() && clock->MonotonicNow() < until);
  std::cout << fmt::format("seeds {} to {}\n", Get().seed, seed - 1);
}

}  // namespace
}  // namespace quern::campaign

int main(int argc, char** argv) {
  quern::campaign::Parse(&argc, argv);
  return RUN_ALL_TESTS();
}
