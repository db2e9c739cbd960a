#include "deploy/local/server_process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

namespace quern::local {
namespace {

// QUERN_* variables of the shell set flags of servers; a cluster must not depend on who started it.
std::map<std::string, std::string> ServerEnvironment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || text.starts_with("QUERN_")) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

}  // namespace

std::string_view StateName(ServerState state) {
  switch (state) {
    case ServerState::kStopped:
      return "stopped";
    case ServerState::kStarting:
      return "starting";
    case ServerState::kRunning:
      return "running";
    case ServerState::kBackoff:
      return "restarting";
    case ServerState::kDead:
      return "dead";
  }
  return "";
}

absl::Status ServerProcess::Start(absl::Time now) {
  const UniqueFd log(open(spec_.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log) return ErrnoStatus(errno, spec_.log_path);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  stdout_.Reset(ends[0]);
  fcntl(stdout_.get(), F_SETFL, O_NONBLOCK);
  const UniqueFd write_end(ends[1]);

  SpawnOptions options;
  options.env = ServerEnvironment();
  options.stdout_fd = write_end.get();
  options.stderr_fd = log.get();
  options.death_signal = SIGTERM;  // a supervisor that is killed takes its servers along, cleanly
  stdout_line_.clear();
  process_.reset();
  ASSIGN_OR_RETURN(process_, Subprocess::Spawn(spec_.argv, options));
  state_ = ServerState::kStarting;
  started_at_ = now;
  ++starts_;
  return absl::OkStatus();
}

void ServerProcess::DrainStdout() {
  char buffer[512];
  ssize_t n = 0;
  while (stdout_ && (n = read(stdout_.get(), buffer, sizeof buffer)) > 0) {
    if (stdout_line_.size() < 4096) stdout_line_.append(buffer, static_cast<size_t>(n));
  }
  if (n == 0) stdout_.Reset();  // closed: the process is ending
}

bool ServerProcess::Check() {
  if (process_ == nullptr) return false;
  const ServerState before = state_;
  DrainStdout();
  const bool ready =
      stdout_line_.starts_with("READY ") && stdout_line_.find('\n') != std::string::npos;
  if (state_ == ServerState::kStarting && ready) state_ = ServerState::kRunning;
  if (const auto exit = process_->WaitFor(absl::ZeroDuration()); exit.has_value()) {
    last_exit_ = exit->ToString();
    Reap();
    state_ = ServerState::kDead;
  }
  return state_ != before;
}

void ServerProcess::Kill(int signal) {
  if (process_ != nullptr) process_->Kill(signal);
}

bool ServerProcess::WaitForEnd(absl::Duration timeout) {
  if (process_ != nullptr) {
    const auto exit = process_->WaitFor(timeout);
    if (!exit.has_value()) return false;
    last_exit_ = exit->ToString();
    Reap();
  }
  state_ = ServerState::kStopped;
  return true;
}

void ServerProcess::Reap() {
  if (process_ != nullptr) process_->KillGroup(SIGKILL);
  process_.reset();
  stdout_.Reset();
}

void ServerProcess::BackOffUntil(absl::Time when) {
  state_ = ServerState::kBackoff;
  retry_at_ = when;
}

std::string ServerProcess::LastLogLine() const {
  std::ifstream log(spec_.log_path);
  std::string line, last;
  while (std::getline(log, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last;
}

}  // namespace quern::local
