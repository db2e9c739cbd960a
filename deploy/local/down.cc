#include <fmt/format.h>

#include <csignal>
#include <cstdio>

#include "common/cli/cli.h"
#include "deploy/local/cluster_dir.h"
#include "deploy/local/commands.h"
#include "deploy/local/local_cluster.h"

namespace quern::local {
namespace {

// More than the supervisor itself grants its servers, wave by wave.
constexpr absl::Duration kSupervisorGrace = absl::Seconds(40);

absl::Status Down(const std::string& dir_flag) {
  ASSIGN_OR_RETURN(const ClusterDir dir, ClusterDir::At(dir_flag));
  ASSIGN_OR_RETURN(const auto state, dir.LoadState());
  if (!state.has_value()) return NotFoundError("{}: no cluster was started here", dir.path());
  const bool was_running = state->supervisor.IsAlive();
  state->supervisor.Signal(SIGTERM);
  Clock* const clock = Clock::Real();
  const absl::Time deadline = clock->MonotonicNow() + kSupervisorGrace;
  while (state->supervisor.IsAlive() && clock->MonotonicNow() < deadline) {
    clock->Sleep(absl::Milliseconds(10));
  }
  state->supervisor.Signal(SIGKILL);
  // The newest state names what a supervisor that had to be killed, now or earlier, left behind.
  ASSIGN_OR_RETURN(const auto last, dir.LoadState());
  if (last.has_value()) EndLeftovers(*last, absl::Seconds(10));
  fmt::print("{}: {}\n", dir.path(),
             was_running ? "stopped; the data are kept" : "nothing was running");
  return absl::OkStatus();
}

}  // namespace

int RunDown(const std::string& dir) {
  const absl::Status done = Down(dir);
  if (done.ok()) return kExitOk;
  std::fputs(ErrorLine("quern down", done).c_str(), stderr);
  return kExitFailed;
}

}  // namespace quern::local
