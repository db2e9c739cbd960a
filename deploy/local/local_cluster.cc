#include "deploy/local/local_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "common/log.h"
#include "common/shell_words.h"
#include "deploy/local/ownership.h"
#include "deploy/local/ports.h"

namespace quern::local {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(20);

absl::Status CheckRange(std::string_view flag, int value, int low, int high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return InvalidArgumentError("{} {}: not between {} and {}", flag, value, low, high);
}

ServerRecord RecordOf(const ServerProcess& server) {
  const ServerSpec& spec = server.spec();
  return {.role = std::string(RoleName(spec.role)),
          .name = spec.name,
          .node = spec.node,
          .rpc = spec.rpc_address(),
          .http = spec.http_address(),
          .dir = spec.dir,
          .log = spec.log_path,
          .state = std::string(StateName(server.state())),
          .process = ProcessIdentity::Of(server.pid()),
          .restarts = server.restarts(),
          .last_exit = server.last_exit()};
}

// The command of this start once more. What was not given is remembered then as it is now.
std::string SameUpAgain(const LocalClusterOptions& options, const ClusterDir& dir) {
  std::string command = fmt::format("quern up --dir {}", ShellQuoted(dir.path()));
  const auto add = [&command](std::string_view flag, std::optional<int> value) {
    if (value.has_value()) command += fmt::format(" {} {}", flag, *value);
  };
  add("--chunkservers", options.chunkservers);
  add("--workers", options.workers);
  add("--port_base", options.port_base);
  add("--replication", options.replication);
  if (!options.restart) command += " --restart never";
  if (options.leave_out) command += " --leave_out";
  for (const std::string& disk : options.forget_disks) {
    command += fmt::format(" --forget_disks {}", ShellQuoted(disk));
  }
  return command;
}

}  // namespace

absl::StatusOr<ClusterConfig> ResolveConfig(const std::optional<ClusterConfig>& kept,
                                            const LocalClusterOptions& options) {
  ClusterConfig config = kept.value_or(ClusterConfig{});
  if (options.port_base.has_value() && *options.port_base != config.port_base) {
    config.port_base = *options.port_base;
    config.ports.clear();
  }
  config.chunkservers = options.chunkservers.value_or(config.chunkservers);
  config.workers = options.workers.value_or(config.workers);
  config.replication =
      options.replication.value_or(std::min(kept ? kept->replication : 3, config.chunkservers));
  RETURN_IF_ERROR(CheckRange("--port_base", config.port_base, 0, kMaxPortBase));
  RETURN_IF_ERROR(CheckRange("--chunkservers", config.chunkservers, 1, kMaxServers));
  RETURN_IF_ERROR(CheckRange("--workers", config.workers, 0, kMaxServers));
  if (config.replication < 1 || config.replication > config.chunkservers) {
    return InvalidArgumentError("--replication {}: with {} chunkservers it is 1 to {}",
                                config.replication, config.chunkservers, config.chunkservers);
  }
  return config;
}

absl::Status WithLostDisk(const absl::Status& failed, const LocalClusterOptions& options,
                          const ClusterDir& dir) {
  constexpr std::string_view kFlag = "--forget_disks ";
  const std::string message(Message(failed));
  const size_t flag = message.find(kFlag);
  if (failed.ok() || flag == std::string::npos) return failed;
  const size_t id = flag + kFlag.size();
  const size_t end = std::min(message.find_first_not_of("0123456789abcdef", id), message.size());
  if (end == id) return failed;
  return absl::Status(
      failed.code(), fmt::format("{}; or, when the disk is lost for good: {} --forget_disks {}",
                                 message, SameUpAgain(options, dir), message.substr(id, end - id)));
}

std::string LeftOutNote(const ClusterDir& dir, const std::vector<int>& left_out) {
  std::string all;
  for (const int number : left_out) {
    for (const std::string& path : dir.AllOfChunkserver(number)) {
      all += fmt::format(" {}", ShellQuoted(path));
    }
  }
  return fmt::format(
      "chunkserver{} in {}: left out. Try: --chunkservers {} to have what is there; if nothing is "
      "needed of it, remove it whole: rm -r{}\n",
      fmt::join(left_out, ", chunkserver"), dir.path(), left_out.back(), all);
}

absl::Status EndLeftovers(const ClusterState& state, absl::Duration grace, Clock* clock) {
  const auto alive = [&state] {
    return std::ranges::find_if(
        state.servers, [](const ServerRecord& server) { return server.process.IsAlive(); });
  };
  const auto signal_all = [&state](int signal) {
    for (const ServerRecord& server : state.servers) {
      RETURN_IF_ERROR(server.process.Signal(signal));
    }
    return absl::OkStatus();
  };
  const auto all_end = [&] {
    const absl::Time deadline = clock->MonotonicNow() + grace;
    while (alive() != state.servers.end() && clock->MonotonicNow() < deadline) {
      clock->Sleep(kPollInterval);
    }
    return alive() == state.servers.end();
  };
  if (alive() == state.servers.end()) return absl::OkStatus();
  RETURN_IF_ERROR(signal_all(SIGTERM));
  RETURN_IF_ERROR(signal_all(SIGCONT));
  if (all_end()) return absl::OkStatus();
  RETURN_IF_ERROR(signal_all(SIGKILL));
  if (all_end()) return absl::OkStatus();
  const auto left = alive();
  return left == state.servers.end()
             ? absl::OkStatus()
             : DeadlineExceededError(
                   "{}, process {}: was killed and does not end; it may wait for "
                   "a disk. Try: again later",
                   left->name, left->process.pid);
}

LocalCluster::LocalCluster(ClusterDir dir, LocalClusterOptions options)
    : dir_(std::move(dir)), options_(std::move(options)) {}

LocalCluster::~LocalCluster() { Stop(); }

std::string LocalCluster::master() const {
  return fmt::format("127.0.0.1:{}", config_.ports.at("master").rpc);
}
std::string LocalCluster::coordinator() const {
  return fmt::format("127.0.0.1:{}", config_.ports.at("coordinator").rpc);
}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(LocalClusterOptions options) {
  ASSIGN_OR_RETURN(ClusterDir dir, ClusterDir::At(options.dir));
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(std::move(dir), std::move(options)));
  RETURN_IF_ERROR(cluster->Prepare());
  RETURN_IF_ERROR(cluster->StartServers());
  return cluster;
}

absl::StatusOr<std::optional<ClusterConfig>> LocalCluster::KeptConfig() {
  auto kept = dir_.LoadConfig();
  if (kept.ok() || !absl::IsDataLoss(kept.status())) return kept;
  ASSIGN_OR_RETURN(const ClusterConfig guess, dir_.GuessConfig());
  config_unreadable_ = true;
  notes_ += fmt::format(
      "{}/cluster.json could not be read and was made anew: {} chunkserver(s) and {} worker(s), as "
      "their directories show, on other ports\n",
      dir_.path(), guess.chunkservers, guess.workers);
  return std::optional<ClusterConfig>(guess);
}

absl::Status LocalCluster::CheckLeftOut(const std::optional<ClusterConfig>& kept) {
  const std::vector<int> left_out = dir_.ChunkserversBeyond(config_.chunkservers);
  if (left_out.empty()) return absl::OkStatus();
  // What no start has come up with, or an earlier one has left out already, is only told.
  std::vector<int> had = left_out;
  std::erase_if(had, [&](int number) { return !kept.has_value() || number > kept->chunkservers; });
  if (!had.empty() && !options_.leave_out) {
    // Earlier versions remembered also a start that failed, and its directories need not hold any.
    return FailedPreconditionError(
        "--chunkservers {}: chunkserver{} in {} may hold data and would be left out. Try: add "
        "--leave_out if nothing is needed of that, or --chunkservers {} to have it; to empty a "
        "chunkserver first: docs/operations.md, \"On one machine\"",
        config_.chunkservers, fmt::join(had, ", chunkserver"), dir_.path(), had.back());
  }
  notes_ += LeftOutNote(dir_, left_out);
  return absl::OkStatus();
}

absl::Status LocalCluster::EndOldServers() {
  const auto before = dir_.LoadState();
  if (absl::IsDataLoss(before.status())) {
    // After a power cut nothing is left to end; a server that does run keeps its directory locked.
    notes_ += fmt::format("{}/state.json could not be read and was made anew\n", dir_.path());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(before.status());
  if (!before->has_value()) return absl::OkStatus();
  return EndLeftovers(**before, absl::Seconds(10), options_.clock);
}

absl::Status LocalCluster::SaveConfig() {
  if (config_unreadable_) {
    ASSIGN_OR_RETURN(const std::string copy, dir_.CopyUnreadableConfig());
    notes_ += fmt::format("what was in cluster.json is kept: {}\n", copy);
  }
  return dir_.SaveConfig(config_);
}

absl::Status LocalCluster::Prepare() {
  RETURN_IF_ERROR(CheckNotForeign(dir_));
  ASSIGN_OR_RETURN(const std::optional<ClusterConfig> kept, KeptConfig());
  ASSIGN_OR_RETURN(config_, ResolveConfig(kept, options_));
  RETURN_IF_ERROR(dir_.Make());
  ASSIGN_OR_RETURN(lock_, dir_.Lock());
  RETURN_IF_ERROR(CheckLeftOut(kept));
  RETURN_IF_ERROR(EndOldServers());
  ASSIGN_OR_RETURN(config_.ports, AssignPorts(config_, &leases_));
  return absl::OkStatus();
}

std::vector<ServerSpec> LocalCluster::Specs() const {
  std::vector<ServerSpec> specs = MakeLayout(config_, dir_.path(), options_.bin_dir);
  for (ServerSpec& spec : specs) {
    if (spec.role == Role::kChunkserver && !options_.forget_disks.empty()) {
      spec.argv.emplace_back("--forget_disks");
      spec.argv.push_back(fmt::format("{}", fmt::join(options_.forget_disks, ",")));
    }
    if (options_.adjust) options_.adjust(&spec);
  }
  return specs;
}

absl::Status LocalCluster::StartServers() {
  SupervisorOptions supervisor_options;
  supervisor_options.restart = options_.restart;
  supervisor_options.on_change = [this] { SaveState(); };
  supervisor_ = std::make_unique<Supervisor>(Specs(), supervisor_options, options_.clock);
  RETURN_IF_ERROR(supervisor_->StartAll());
  RETURN_IF_ERROR(
      WithLostDisk(supervisor_->WaitUntilReady(options_.start_timeout), options_, dir_));
  ASSIGN_OR_RETURN(const std::string warning,
                   WaitUntilServing({.master = master(),
                                     .coordinator = coordinator(),
                                     .chunkservers = config_.chunkservers,
                                     .workers = config_.workers},
                                    options_.start_timeout));
  if (!warning.empty()) notes_ += fmt::format("warning: {}\n", warning);
  // Not before: the next start shall not repeat what did not come up.
  RETURN_IF_ERROR(SaveConfig());
  up_ = true;
  SaveState();
  return absl::OkStatus();
}

absl::StatusOr<std::string> LocalCluster::WaitUntilServing(const ServingQuestion& question,
                                                           absl::Duration timeout) {
  return local::WaitUntilServing(
      question, timeout, [this] { supervisor_->Step(kPollInterval); }, options_.clock);
}

void LocalCluster::Stop() {
  if (supervisor_ == nullptr) return;
  supervisor_->StopAll();
  supervisor_.reset();
}

void LocalCluster::SaveState() const {
  if (supervisor_ == nullptr) return;
  ClusterState state;
  state.supervisor = ProcessIdentity::Of(getpid());
  state.up = up_;
  for (const auto& server : supervisor_->servers()) state.servers.push_back(RecordOf(*server));
  if (absl::Status saved = dir_.SaveState(state); !saved.ok()) {
    LogError("state_not_saved", {{"dir", dir_.path()}, {"status", saved}});
  }
}

}  // namespace quern::local
