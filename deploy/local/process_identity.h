// A process that is meant, not whichever has its number now.
#pragma once

#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>

#include "common/status.h"

namespace quern::local {

// Numbers are used again; the pair of number and start time is not, until the machine restarts.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat

  // Of a process that runs now; all 0 when there is none of that number.
  static ProcessIdentity Of(pid_t pid);
  // That very process still runs (a zombie does not).
  bool IsAlive() const;
  // True when it has ended, with all that it held; waits for that no longer than `patience`.
  bool AwaitEnd(absl::Duration patience) const;
  // Does nothing unless it is alive. PermissionDenied: it is another user's.
  absl::Status Signal(int signal) const;
};

}  // namespace quern::local
