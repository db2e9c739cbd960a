// Jobs and pipelines while machines fail in every way: each ends, and its output and counters are
// those of the same one run sequentially on one machine.
//
//   start a cluster -> { a random job begins and is held at a gate -> faults are done, and perhaps
//   its client is killed -> the gate opens -> they are undone -> the job is resumed, if need be,
//   and ends -> what it leaves equals what the sequential one leaves, and nothing else is left }
//   ...
//
//   jobs_campaign [--minutes N] [--seed S]      as ctest runs it: one short round
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/clock.h"
#include "tests/campaign/faults.h"
#include "tests/campaign/job_essence.h"
#include "tests/campaign/options.h"
#include "tests/campaign/random_jobs.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"

namespace quern::campaign {
namespace {

using nlohmann::json;
using testing::Cluster;
using testing::CommandResult;
using testing::Gate;

constexpr int kWorkers = 3;
constexpr int kChunkservers = 3;
constexpr int kShortJobs = 3;
constexpr int kJobs = 12;
constexpr int kRejected = 3;  // what mr run ends with
constexpr absl::Duration kLongestJob = absl::Seconds(240);
constexpr absl::Duration kStart = absl::Seconds(60);
constexpr absl::Duration kCleaning = absl::Seconds(60);

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
    choice_.emplace(cluster_->scratch(), seed_);
    choice_->WriteInputs();
    const auto put = cluster_->Dfs({"put", choice_->InputDir(), "/in"});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
    for (int job = 0; job < jobs && !::testing::Test::HasFailure(); ++job) OneJob(job);
  }

 private:
  // What becomes of the `mr run` of a job.
  enum class Client { kStays, kKilled, kKilledAndJobToo };

  // One job from its beginning to its end.
  struct JobRun {
    RandomJob job;
    std::string name;  // as `mr list` shows it
    std::string out;
    Client client = Client::kStays;
    std::vector<std::string> argv = {};  // the whole command
    std::string what = {};               // for messages
  };

  void OneJob(int number) {
    Gate gate(fmt::format("{}/gate{}", cluster_->scratch(), number));
    JobRun run{.job = choice_->Next(gate.path()),
               .name = fmt::format("campaign{}", number),
               .out = fmt::format("/out{}", number)};
    run.argv = Argv(run.job, "/in/", run.out, {"--name", run.name});
    if (run.job.keeps) run.argv.push_back("--keep");
    run.client = ChooseClient();
    run.what = run.job.what;
    std::vector<std::string> words = run.argv;
    words.insert(words.begin(), "mr");
    const auto command = cluster_->StartCommand(words, {.timeout = kLongestJob});
    WaitForStart(run, command.get());
    Harm(run, number, command.get(), &gate);
    if (run.client == Client::kStays) {
      const CommandResult result = command->Finish();
      // Nobody waits long for a server before anything has begun; a user tries again.
      const bool away = run.what.find("master") != std::string::npos ||
                        run.what.find("coordinator") != std::string::npos;
      if (result.exit_code == kRejected && away && Find(run.name).is_null()) {
        Expect(run, run.argv);
      } else {
        EXPECT_EQ(result.exit_code, 0) << run.what << ": " << result.Describe() << Replay();
      }
    } else {
      Resume(run, &gate);
    }
    gate.Open();
    EXPECT_EQ(EssenceOf(InCluster(run.out), run.job.outputs), Sequential(run.job, number))
        << run.what << Replay();
    ExpectNothingLeft(run);
  }

  Client ChooseClient() {
    switch (random_() % 6) {
      case 0:
      case 1:
        return Client::kKilled;
      case 2:
        return Client::kKilledAndJobToo;
      default:
        return Client::kStays;
    }
  }

  static std::vector<std::string> Argv(const RandomJob& job, const std::string& in,
                                       const std::string& out,
                                       const std::vector<std::string>& flags) {
    std::vector<std::string> argv = {"run"};
    argv.insert(argv.end(), job.argv.begin(), job.argv.end());
    for (const std::string& input : job.inputs) argv.push_back(in + input);
    argv.push_back(out);
    argv.insert(argv.end(), flags.begin(), flags.end());
    return argv;
  }

  // Until faults can hit what they are meant for.
  void WaitForStart(const JobRun& run, testing::Command* command) {
    if (!run.job.gated && !run.job.is_pipeline && run.client == Client::kStays) return;
    cluster_->Eventually([&] { return HasCome(run) || !command->IsRunning(); }, kStart);
  }

  bool HasCome(const JobRun& run) {
    const json job = Find(run.name);
    if (job.is_null()) return false;
    const bool runs = job.at("state") == "RUNNING";
    if (!run.job.is_pipeline) return runs || !run.job.gated;
    for (const json& stage : job.at("stages")) {
      if (stage.at("stage") != run.job.stage) continue;
      return stage.at("state") != "WAITING" && stage.at("rounds") >= run.job.rounds;
    }
    ADD_FAILURE() << run.what << ": has no stage " << run.job.stage;
    return true;
  }

  // Faults while the gate is shut, and their end. The gate stays shut for a job that is stopped.
  void Harm(JobRun& run, int number, testing::Command* command, Gate* gate) {
    std::vector<Fault> faults;
    for (uint64_t i = 0; i < 1 + random_() % 2; ++i) {
      faults.push_back(DoOneToJob());
      run.what += ", " + faults.back().what;
    }
    if (run.client != Client::kStays) {
      command->Signal(SIGKILL);
      command->Finish();
      run.what += run.client == Client::kKilled ? ", client killed" : ", client and job killed";
    }
    std::cout << fmt::format("seed {} job {}: {}\n", seed_, number, run.what) << std::flush;
    if (run.client != Client::kKilledAndJobToo) gate->Open();
    while (!faults.empty()) {
      faults.back().undo();
      faults.pop_back();
    }
  }

  // What a user does whose client was killed.
  void Resume(const JobRun& run, Gate* gate) {
    json job = Find(run.name);
    if (job.is_null()) return Expect(run, run.argv);
    const std::string id = job.at("job");
    if (run.client == Client::kKilled) return Expect(run, {"watch", id});
    // It may have come to its end by itself.
    cluster_->Mr({"kill", id}, {.timeout = kLongestJob});
    gate->Open();
    cluster_->Mr({"watch", id}, {.timeout = kLongestJob});
    job = Find(run.name);
    ASSERT_FALSE(job.is_null()) << run.what << Replay();
    if (job.at("state") == "SUCCEEDED") return;
    EXPECT_EQ(job.at("state"), "KILLED") << job << Replay();
    const bool rerun = run.job.is_pipeline && random_() % 2 == 0;
    Expect(run, rerun ? std::vector<std::string>{"rerun", id, "--resume"} : run.argv);
  }

  void Expect(const JobRun& run, const std::vector<std::string>& words) {
    const CommandResult result = cluster_->Mr(words, {.timeout = kLongestJob});
    EXPECT_EQ(result.exit_code, 0) << run.what << ": " << result.Describe() << Replay();
  }

  // The newest of that name, as `mr list` shows it.
  json Find(const std::string& name) {
    std::istringstream lines(cluster_->Mr({"list", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      json job = json::parse(line, nullptr, false);
      if (!job.is_discarded() && job.value("name", "") == name) return job;
    }
    return {};
  }

  // Neither of the job nor of what lay between the stages of a pipeline, once nobody wants to keep
  // it.
  void ExpectNothingLeft(const JobRun& run) {
    if (run.job.keeps || run.client == Client::kKilledAndJobToo) DropPipelines();
    std::string left;
    const bool clean = cluster_->Eventually(
        [&] {
          const CommandResult all = cluster_->Dfs({"find", "/.quern"});
          left.clear();
          std::istringstream lines(all.out);
          for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("/.quern/pipelines/") || line.starts_with("/.quern/jobs/")) {
              left += line + "\n";
            }
          }
          return all.exit_code == 0 && left.empty();
        },
        kCleaning);
    EXPECT_TRUE(clean) << run.what << " leaves\n" << left << Replay();
  }

  void DropPipelines() {
    std::istringstream lines(cluster_->Mr({"list", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      const json job = json::parse(line, nullptr, false);
      if (job.is_discarded() || !job.contains("stages")) continue;
      const CommandResult dropped = cluster_->Mr({"drop", job.at("job")});
      EXPECT_EQ(dropped.exit_code, 0) << dropped.Describe() << Replay();
    }
  }

  OutputPlace InCluster(const std::string& out) {
    return {out,
            [this](const std::string& path) {
              const CommandResult read = cluster_->Dfs({"cat", path});
              EXPECT_EQ(read.exit_code, 0) << read.Describe();
              return read.out;
            },
            [this](const std::string& dir) {
              std::vector<std::string> files;
              std::istringstream lines(cluster_->Dfs({"find", dir, "--type", "f"}).out);
              for (std::string line; std::getline(lines, line);) files.push_back(line);
              return files;
            }};
  }

  static OutputPlace OnThisMachine(const std::string& out) {
    return {out,
            [](const std::string& path) {
              std::ifstream file(path, std::ios::binary);
              return std::string(std::istreambuf_iterator<char>(file), {});
            },
            [](const std::string& dir) {
              std::vector<std::string> files;
              std::error_code gone;
              for (const auto& entry : std::filesystem::recursive_directory_iterator(dir, gone)) {
                if (entry.is_regular_file()) files.push_back(entry.path());
              }
              return files;
            }};
  }

  // The same job on this machine, one task after another, with the gate open.
  std::string Sequential(const RandomJob& job, int number) {
    const std::string out = fmt::format("{}/out{}", cluster_->scratch(), number);
    const auto result =
        cluster_->Mr(Argv(job, "file://" + choice_->InputDir() + "/", "file://" + out, {"--local"}),
                     {.timeout = kLongestJob});
    EXPECT_EQ(result.exit_code, 0) << result.Describe();
    return EssenceOf(OnThisMachine(out), job.outputs);
  }

  Fault DoOneToJob() {
    const std::string worker = fmt::format("worker{}", 1 + random_() % kWorkers);
    const std::string chunkserver = fmt::format("chunkserver{}", 1 + random_() % kChunkservers);
    switch (random_() % (disks_ ? 11 : 6)) {
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
      case 9:
        return CutPower(cluster_.get(), {"coordinator", "master"});
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
  std::optional<RandomJobs> choice_;
};

TEST(JobsCampaign, EveryJobEndsWithTheSequentialAnswer) {
  Clock* const clock = Clock::Real();
  const absl::Time until = clock->MonotonicNow() + Get().duration;
  uint64_t seed = Get().seed;
  if (!HasParquet()) std::cout << "this build has no Parquet: its jobs are left out\n";
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
