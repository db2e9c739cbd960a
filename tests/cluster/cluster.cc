#include "tests/cluster/cluster.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "common/storage/file_io.h"

namespace quern::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr size_t kLogTail = 3000;

std::string FromEnvironment(const char* name) {
  const char* const value = std::getenv(name);
  EXPECT_NE(value, nullptr) << name << " is not set: run this test through ctest";
  return value == nullptr ? "." : value;
}

void MoveDir(local::ServerSpec* spec, const std::string& root) {
  const auto dir = std::find(spec->argv.begin(), spec->argv.end(), spec->dir);
  spec->dir = root + "/" + spec->name;
  if (dir != spec->argv.end()) *dir = spec->dir;
}

}  // namespace

std::string BinaryPath(std::string_view name) {
  return fmt::format("{}/{}", FromEnvironment("QUERN_BIN"), name);
}
std::string JobPath(std::string_view plugin) {
  return fmt::format("{}/lib{}.so", FromEnvironment("QUERN_JOBS"), plugin);
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {
  std::string pattern = ::testing::TempDir() + "quern_XXXXXX";
  root_ = mkdtemp(pattern.data());
  scratch_ = root_ + "/scratch";
  std::filesystem::create_directories(scratch_);
}

std::unique_ptr<Cluster> Cluster::Start(ClusterOptions options) {
  std::unique_ptr<Cluster> cluster(new Cluster(std::move(options)));
  if (cluster->options_.on_power_cut_disk) {
    auto disk = PowerCutDisk::Make(cluster->root_, cluster->options_.disk_bytes);
    EXPECT_TRUE(disk.ok()) << disk.status();
    if (!disk.ok()) return nullptr;
    cluster->disk_ = *std::move(disk);
  }
  const absl::Status started = cluster->StartLocal();
  EXPECT_TRUE(started.ok()) << started;
  return started.ok() ? std::move(cluster) : nullptr;
}

absl::Status Cluster::StartLocal() {
  local::LocalClusterOptions options;
  options.dir = root_ + "/cluster";
  options.bin_dir = FromEnvironment("QUERN_BIN");
  options.chunkservers = options_.chunkservers;
  options.workers = options_.workers;
  options.replication = options_.replication;
  options.port_base = 0;
  options.restart = false;
  options.start_timeout = kStartTimeout;
  absl::Status placed;
  options.adjust = [this, &placed](local::ServerSpec* spec) {
    if (placed.ok()) placed = PlaceOnDisk(spec);
    if (options_.adjust) options_.adjust(spec);
  };
  ASSIGN_OR_RETURN(local_, local::LocalCluster::Start(std::move(options)));
  for (const auto& server : local_->supervisor().servers()) {
    log_paths_[server->spec().name] = server->spec().log_path;
  }
  return placed;
}

absl::Status Cluster::PlaceOnDisk(local::ServerSpec* spec) {
  PowerCutDisk* disk = disk_.get();
  if (options_.disk_per_server) {
    std::unique_ptr<PowerCutDisk>& own = disks_[spec->name];
    if (own == nullptr) {
      const std::string dir = fmt::format("{}/disks/{}", root_, spec->name);
      ASSIGN_OR_RETURN(own, PowerCutDisk::Make(dir, options_.disk_bytes));
    }
    disk = own.get();
  }
  if (disk == nullptr) return absl::OkStatus();
  MoveDir(spec, disk->path());
  if (spec->role == local::Role::kChunkserver) {
    spec->argv.insert(spec->argv.end(), {"--boot_id", fmt::format("boot-{}", power_cuts_)});
  }
  return absl::OkStatus();
}

void Cluster::ShowLogs() const {
  for (const auto& [name, path] : log_paths_) {
    const std::string text = ReadFileToString(FileSystem::Real(), path).value_or("");
    std::cerr << "--- log of " << name << "\n"
              << text.substr(text.size() - std::min(text.size(), kLogTail)) << "\n";
    if (options_.keep_logs_in.empty()) continue;
    std::error_code error;  // the test has failed already
    std::filesystem::create_directories(options_.keep_logs_in, error);
    std::filesystem::copy_file(path, options_.keep_logs_in + "/" + name + ".log",
                               std::filesystem::copy_options::overwrite_existing, error);
  }
}

Cluster::~Cluster() {
  if (::testing::Test::HasFailure()) ShowLogs();
  local_.reset();
  // A stopped server has said all it had to say, leaks included.
  for (const auto& [name, path] : log_paths_) ExpectNoSanitizerReport(path);
  disk_.reset();
  disks_.clear();
  std::filesystem::remove_all(root_);
}

CommandOptions Cluster::WithCluster(CommandOptions options) const {
  options.env.emplace("QUERN_MASTER", master());
  options.env.emplace("QUERN_COORDINATOR", coordinator());
  return options;
}

CommandResult Cluster::Dfs(std::vector<std::string> arguments, const CommandOptions& options) {
  arguments.insert(arguments.begin(), "dfs");
  return StartCommand(std::move(arguments), options)->Finish();
}

CommandResult Cluster::Mr(std::vector<std::string> arguments, const CommandOptions& options) {
  arguments.insert(arguments.begin(), "mr");
  return StartCommand(std::move(arguments), options)->Finish();
}

std::unique_ptr<Command> Cluster::StartCommand(std::vector<std::string> argv,
                                               CommandOptions options) {
  if (argv.front().find('/') == std::string::npos) argv.front() = BinaryPath(argv.front());
  return std::make_unique<Command>(argv, WithCluster(std::move(options)));
}

local::ServerProcess* Cluster::Find(std::string_view name) {
  const auto server = local_->supervisor().Find(name);
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    std::abort();  // a mistake in the test
  }
  return *server;
}

void Cluster::Kill(std::string_view name) {
  local::ServerProcess* const server = Find(name);
  server->Kill(SIGKILL);
  EXPECT_TRUE(server->WaitForEnd(absl::Seconds(30))) << name;
}
void Cluster::Pause(std::string_view name) { Find(name)->Kill(SIGSTOP); }
void Cluster::Resume(std::string_view name) { Find(name)->Kill(SIGCONT); }

void Cluster::StartUnready(std::string_view name) {
  const absl::Status started = Find(name)->Start(Clock::Real()->MonotonicNow());
  EXPECT_TRUE(started.ok()) << name << ": " << started;
}

void Cluster::Restart(std::string_view name) {
  StartUnready(name);
  local::ServerProcess* const server = Find(name);
  EXPECT_TRUE(
      Eventually([&] { return server->state() == local::ServerState::kRunning; }, kStartTimeout))
      << name << " is not ready again: " << server->LastLogLine();
}

// Nobody may see the disk fail before it is dead itself.
void Cluster::HoldStill(local::ServerProcess* server) {
  if (server->pid() == 0) return;
  const absl::Status still = StandStill(server->pid());
  EXPECT_TRUE(still.ok()) << server->spec().name << ": " << still;
}

void Cluster::PowerCut() {
  ASSERT_NE(disk_, nullptr) << "start the cluster with on_power_cut_disk";
  const auto& servers = local_->supervisor().servers();
  for (const auto& server : servers) HoldStill(server.get());
  const absl::Status cut = disk_->Cut();
  EXPECT_TRUE(cut.ok()) << cut;
  for (const auto& server : servers) server->Kill(SIGKILL);
  for (const auto& server : servers) EXPECT_TRUE(server->WaitForEnd(absl::Seconds(30)));
  local_.reset();
  ++power_cuts_;
  const absl::Status on = disk_->PowerOn();
  ASSERT_TRUE(on.ok()) << on;
  const absl::Status started = StartLocal();
  ASSERT_TRUE(started.ok()) << started;
}

void Cluster::PowerCut(const std::vector<std::string>& names) {
  ++power_cuts_;
  for (const std::string& name : names) HoldStill(Find(name));
  for (const std::string& name : names) {
    const absl::Status cut = disk(name)->Cut();
    EXPECT_TRUE(cut.ok()) << name << ": " << cut;
  }
  for (const std::string& name : names) {
    Kill(name);
    const absl::Status on = disk(name)->PowerOn();
    EXPECT_TRUE(on.ok()) << name << ": " << on;
    std::vector<std::string> argv = spec(name).argv;
    const auto boot_id = std::find(argv.begin(), argv.end(), "--boot_id");
    if (boot_id != argv.end()) *std::next(boot_id) = fmt::format("boot-{}", power_cuts_);
    Find(name)->set_argv(std::move(argv));
  }
}

void Cluster::Stop(std::string_view name) {
  local::ServerProcess* const server = Find(name);
  server->Kill(SIGTERM);
  EXPECT_TRUE(server->WaitForEnd(absl::Seconds(30))) << name;
}

void Cluster::StopAndStart() {
  local_.reset();
  const absl::Status started = StartLocal();
  ASSERT_TRUE(started.ok()) << started;
}

bool Cluster::IsRunning(std::string_view name) {
  local_->Step(absl::ZeroDuration());
  return Find(name)->state() == local::ServerState::kRunning;
}

bool Cluster::Eventually(const std::function<bool()>& done, absl::Duration timeout) {
  const absl::Time deadline = Clock::Real()->MonotonicNow() + timeout;
  while (!done()) {
    if (Clock::Real()->MonotonicNow() > deadline) return false;
    local_->Step(absl::Milliseconds(50));
  }
  return true;
}

const local::ServerSpec& Cluster::spec(std::string_view name) { return Find(name)->spec(); }

pid_t Cluster::pid(std::string_view name) { return Find(name)->pid(); }

PowerCutDisk* Cluster::disk(std::string_view name) {
  const auto own = disks_.find(std::string(name));
  if (own == disks_.end()) std::abort();  // a mistake in the test
  return own->second.get();
}

std::string Cluster::log(std::string_view name) {
  return ReadFileToString(FileSystem::Real(), spec(name).log_path).value_or("");
}

void ExpectNoSanitizerReport(const std::string& path) {
  constexpr int kMostLines = 100;  // of the first report: its stacks; more follow from it
  std::ifstream in(path);
  std::string report;
  int lines = 0;
  for (std::string line; lines < kMostLines && std::getline(in, line);) {
    const bool begins = line.find("Sanitizer: ") != std::string::npos ||
                        line.find(": runtime error: ") != std::string::npos;
    if (!begins && report.empty()) continue;
    report += line + "\n";
    ++lines;
  }
  EXPECT_TRUE(report.empty()) << path << ":\n" << report;
}

}  // namespace quern::testing
