#include <fmt/format.h>

#include <csignal>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "deploy/local/cluster_dir.h"
#include "deploy/local/commands.h"
#include "deploy/local/local_cluster.h"
#include "deploy/local/ownership.h"

namespace quern::local {
namespace {

// More than the supervisor itself grants its servers, wave by wave.
constexpr absl::Duration kSupervisorGrace = absl::Seconds(40);

// Nobody holds the lock: nothing runs that a supervisor has started.
absl::Status DownWithoutState(const ClusterDir& dir, const absl::Status& unreadable) {
  // Taking the lock makes a file.
  if (absl::IsFailedPrecondition(CheckNotForeign(dir))) {
    return NotFoundError("{}: no cluster was started here; its state.json is something else",
                         dir.path());
  }
  const auto lock = dir.Lock();
  if (!lock.ok()) {
    return FailedPreconditionError(
        "{}, and a cluster is running here. Try: end the process that holds {}/lock (lsof says "
        "which)",
        Message(unreadable).substr(0, Message(unreadable).find(". Try: ")), dir.path());
  }
  Out().Format("{}: nothing was running (state.json could not be read); the data are kept\n",
               dir.path());
  return absl::OkStatus();
}

absl::Status Down(const std::string& dir_flag, Clock* clock) {
  ASSIGN_OR_RETURN(const ClusterDir dir, ClusterDir::At(dir_flag));
  const auto loaded = dir.LoadState();
  if (absl::IsDataLoss(loaded.status())) return DownWithoutState(dir, loaded.status());
  RETURN_IF_ERROR(loaded.status());
  const std::optional<ClusterState>& state = *loaded;
  if (!state.has_value()) return NotFoundError("{}: no cluster was started here", dir.path());
  const bool was_running = state->supervisor.IsAlive();
  RETURN_IF_ERROR(state->supervisor.Signal(SIGTERM));
  const absl::Time deadline = clock->MonotonicNow() + kSupervisorGrace;
  while (state->supervisor.IsAlive() && clock->MonotonicNow() < deadline) {
    clock->Sleep(absl::Milliseconds(10));
  }
  RETURN_IF_ERROR(state->supervisor.Signal(SIGKILL));
  // The newest state names what a supervisor that had to be killed, now or earlier, left behind.
  ASSIGN_OR_RETURN(const auto last, dir.LoadState());
  if (last.has_value()) RETURN_IF_ERROR(EndLeftovers(*last, absl::Seconds(10), clock));
  Out().Format("{}: {}\n", dir.path(),
               was_running ? "stopped; the data are kept" : "nothing was running");
  return absl::OkStatus();
}

}  // namespace

int RunDown(const std::string& dir, Clock* clock) {
  const absl::Status done = Down(dir, clock);
  if (done.ok()) return kExitOk;
  Err().Print(ErrorLine("quern down", done));
  return kExitFailed;
}

}  // namespace quern::local
