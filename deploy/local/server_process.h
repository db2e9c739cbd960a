// One server of a local cluster as a child process, through all its lives.
//
//   kStopped -> kStarting -> kRunning -> (dies) -> kBackoff -> kStarting ...   restarted
//                                               -> kDead                       not restarted
//
// Its log goes to a file of its own; the first line on its stdout is the READY line. Not
// thread-safe.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/fd.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "deploy/local/cluster_layout.h"

namespace quern::local {

enum class ServerState { kStopped, kStarting, kRunning, kBackoff, kDead };
std::string_view StateName(ServerState state);  // "running"

class ServerProcess {
 public:
  explicit ServerProcess(ServerSpec spec) : spec_(std::move(spec)) {}

  // The command line of its next start.
  void set_argv(std::vector<std::string> argv) { spec_.argv = std::move(argv); }
  // Starts the process and returns at once. Its log is appended to.
  absl::Status Start(absl::Time now);
  // Looks, without waiting, whether it has become ready or ended. True when its state has changed.
  // A process that has ended is kDead here; whether it is started again is the supervisor's choice.
  bool Check();
  void Kill(int signal);
  // Takes whatever it may have printed, and waits for the end of a process that was told to stop.
  // False when it still runs after `timeout`.
  bool WaitForEnd(absl::Duration timeout);
  // Kills what is left of its process group (children that it did not take along) and forgets it.
  void Reap();
  // It is dead and will be started again at `when`.
  void BackOffUntil(absl::Time when);

  const ServerSpec& spec() const { return spec_; }
  ServerState state() const { return state_; }
  // 0 when there is no process.
  pid_t pid() const { return process_ == nullptr ? 0 : process_->pid(); }
  // For poll(): readable when there is something for Check to see. -1 when there is nothing.
  int stdout_fd() const { return stdout_.get(); }
  absl::Time started_at() const { return started_at_; }
  absl::Time retry_at() const { return retry_at_; }
  int restarts() const { return starts_ > 0 ? starts_ - 1 : 0; }
  // How it ended last: "signal 9 (Killed)". Empty if it never did.
  const std::string& last_exit() const { return last_exit_; }
  // The last line of its log that is not blank, for error messages.
  std::string LastLogLine() const;

 private:
  void DrainStdout();

  ServerSpec spec_;
  ServerState state_ = ServerState::kStopped;
  std::unique_ptr<Subprocess> process_;
  UniqueFd stdout_;
  std::string stdout_line_;
  absl::Time started_at_;
  absl::Time retry_at_;
  int starts_ = 0;
  std::string last_exit_;
};

}  // namespace quern::local
