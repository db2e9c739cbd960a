#include "deploy/local/supervisor.h"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <set>

#include "common/log.h"

namespace quern::local {
namespace {

// How long the death of a server may go unnoticed: its end is not something that poll() reports.
constexpr absl::Duration kDeathPollInterval = absl::Milliseconds(50);

// Servers of one wave are stopped together; later waves are what earlier ones still talk to.
int StopWave(Role role) {
  switch (role) {
    case Role::kWorker:
    case Role::kCoordinator:
      return 0;
    case Role::kChunkserver:
      return 1;
    case Role::kMaster:
      return 2;
  }
  return 2;
}

}  // namespace

Supervisor::Supervisor(std::vector<ServerSpec> specs, SupervisorOptions options, Clock* clock)
    : options_(std::move(options)), clock_(clock) {
  for (ServerSpec& spec : specs)
    servers_.push_back(std::make_unique<ServerProcess>(std::move(spec)));
}

Supervisor::~Supervisor() { StopAll(); }

void Supervisor::Changed() const {
  if (options_.on_change) options_.on_change();
}

absl::Status Supervisor::StartAll() {
  for (const auto& server : servers_) {
    const ServerSpec& spec = server->spec();
    std::error_code error;
    for (const std::string& dir :
         {spec.dir, std::filesystem::path(spec.log_path).parent_path().string()}) {
      std::filesystem::create_directories(dir, error);
      if (error) return ErrnoStatus(error.value(), dir);
    }
    if (absl::Status started = server->Start(clock_->MonotonicNow()); !started.ok()) {
      return Annotate(started, spec.name);
    }
  }
  Changed();
  return absl::OkStatus();
}

absl::Status Supervisor::WaitUntilReady(absl::Duration timeout) {
  const absl::Time deadline = clock_->MonotonicNow() + timeout;
  for (;;) {
    const ServerProcess* waiting = nullptr;
    for (const auto& server : servers_) {
      if (!server->last_exit().empty()) {
        return FailedPreconditionError("{} ended with {} before it was ready: {}. Try: see {}",
                                       server->spec().name, server->last_exit(),
                                       server->LastLogLine(), server->spec().log_path);
      }
      if (server->state() != ServerState::kRunning) waiting = server.get();
    }
    if (waiting == nullptr) return absl::OkStatus();
    if (clock_->MonotonicNow() > deadline) {
      return DeadlineExceededError("{} was not ready after {}. Try: see {}", waiting->spec().name,
                                   absl::FormatDuration(timeout), waiting->spec().log_path);
    }
    Step(kDeathPollInterval);
  }
}

void Supervisor::Step(absl::Duration timeout) {
  const absl::Time deadline = clock_->MonotonicNow() + timeout;
  for (bool changed = false; !changed;) {
    std::vector<pollfd> fds;
    for (const auto& server : servers_) {
      if (server->stdout_fd() >= 0) fds.push_back({server->stdout_fd(), POLLIN, 0});
    }
    const absl::Duration wait = std::min(deadline - clock_->MonotonicNow(), kDeathPollInterval);
    poll(fds.data(), fds.size(),
         static_cast<int>(absl::ToInt64Milliseconds(std::max(wait, absl::ZeroDuration()))));
    for (const auto& server : servers_) {
      if (!server->Check()) continue;
      changed = true;
      if (server->state() == ServerState::kDead) HandleDeath(server.get());
    }
    if (changed) Changed();
    StartDue();
    RotateLogs();
    if (clock_->MonotonicNow() >= deadline) break;
  }
}

void Supervisor::HandleDeath(ServerProcess* server) {
  LogWarning("server_ended", {{"server", server->spec().name}, {"how", server->last_exit()}});
  if (!options_.restart) return;
  const absl::Time now = clock_->MonotonicNow();
  int& quick_deaths = quick_deaths_[server];
  if (now - server->started_at() >= options_.healthy_after) quick_deaths = 0;
  const int doublings = std::min(quick_deaths++, 10);
  server->BackOffUntil(now +
                       std::min(options_.max_backoff, options_.min_backoff * (1 << doublings)));
}

void Supervisor::StartDue() {
  const absl::Time now = clock_->MonotonicNow();
  for (const auto& server : servers_) {
    if (server->state() != ServerState::kBackoff || server->retry_at() > now) continue;
    if (absl::Status started = server->Start(now); started.ok()) {
      LogInfo("server_restarted", {{"server", server->spec().name}, {"pid", server->pid()}});
    } else {
      LogError("server_restart_failed", {{"server", server->spec().name}, {"status", started}});
      server->BackOffUntil(now + options_.max_backoff);
    }
    Changed();
  }
}

void Supervisor::RotateLogs() {
  if (clock_->MonotonicNow() < next_rotation_) return;
  next_rotation_ = clock_->MonotonicNow() + absl::Seconds(1);
  for (const auto& server : servers_) {
    const std::string& log = server->spec().log_path;
    std::error_code error;
    if (std::filesystem::file_size(log, error) < options_.max_log_bytes || error) continue;
    // Copied and cut rather than renamed: the server keeps its descriptor, which appends.
    std::filesystem::copy_file(log, log + ".1", std::filesystem::copy_options::overwrite_existing,
                               error);
    std::filesystem::resize_file(log, 0, error);
  }
}

void Supervisor::StopAll(absl::Duration grace) {
  for (const int wave : {0, 1, 2}) {
    std::vector<ServerProcess*> stopping;
    for (const auto& server : servers_) {
      if (StopWave(server->spec().role) != wave) continue;
      server->Kill(SIGTERM);
      server->Kill(SIGCONT);  // a paused one could not hear
      stopping.push_back(server.get());
    }
    const absl::Time deadline = clock_->MonotonicNow() + grace;
    for (ServerProcess* server : stopping) {
      const absl::Duration left = deadline - clock_->MonotonicNow();
      if (!server->WaitForEnd(std::max(left, absl::ZeroDuration()))) {
        LogWarning("server_killed", {{"server", server->spec().name}, {"waited", grace}});
        server->Kill(SIGKILL);
        server->WaitForEnd(absl::InfiniteDuration());
      }
    }
  }
  Changed();
}

absl::StatusOr<ServerProcess*> Supervisor::Find(std::string_view name) {
  for (const auto& server : servers_) {
    if (server->spec().name == name) return server.get();
  }
  return NotFoundError("no server of that name: {}", name);
}

}  // namespace quern::local
