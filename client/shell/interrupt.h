// Ctrl-C while files are under way: what is half done is dropped, then the command ends with 130.
#pragma once

#include "common/status.h"

namespace quern::shell {

// Made by the main thread. While one lives, SIGINT and SIGTERM only set a flag that loops ask for;
// a second one ends the process at once. Without one they end it as always.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

bool Interrupted();
// Cancelled after a signal.
absl::Status CheckInterrupt();

}  // namespace quern::shell
