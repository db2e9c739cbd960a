// Child processes.
#pragma once

#include <absl/time/time.h>
#include <sys/types.h>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/status.h"

namespace quern {

struct SpawnOptions {
  // The whole environment; none: that of this process.
  std::optional<std::map<std::string, std::string>> env{};
  std::string cwd{};  // empty: that of this process
  // Borrowed. -1: /dev/null for stdin, this process's own for the others.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  // Stay open in the child under the same numbers (borrowed); every other one is closed.
  std::vector<int> inherit_fds{};
  bool new_process_group = true;  // so that KillGroup reaches grandchildren
  // Sent to the child when this process dies; 0: none.
  int death_signal = SIGKILL;
};

struct ExitStatus {
  int code = 0;    // when signal is 0
  int signal = 0;  // that ended it
  bool ok() const { return code == 0 && signal == 0; }
  // "exit code 3", "signal 9 (Killed)".
  std::string ToString() const;
};

// A started child. Its destructor kills and reaps one that nobody waited for, with its group.
// Thread-safe.
class Subprocess {
 public:
  // argv[0] is a path, or a name looked up in PATH. NotFound, PermissionDenied: cannot be executed.
  static absl::StatusOr<std::unique_ptr<Subprocess>> Spawn(const std::vector<std::string>& argv,
                                                           const SpawnOptions& options);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }
  // Waits until it has ended. Any number of times, from any threads.
  ExitStatus Wait();
  // None when it still runs after `timeout`.
  std::optional<ExitStatus> WaitFor(absl::Duration timeout);
  // Does nothing after it was reaped, so a reused pid is never hit.
  void Kill(int signal);
  // The child and all that are left of its process group. Works after the child itself has ended.
  void KillGroup(int signal);

 private:
  Subprocess(pid_t pid, int pidfd, bool own_group) : pid_(pid), pidfd_(pidfd), group_(own_group) {}

  const pid_t pid_;
  const int pidfd_;
  const bool group_;
  Mutex mutex_;
  std::optional<ExitStatus> exit_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern
