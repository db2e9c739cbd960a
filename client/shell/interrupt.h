// Ctrl-C while files are under way: what is half done is dropped, then the command ends with 130.
#pragma once

#include "common/status.h"

namespace quern::shell {

// Made by the main thread. While one lives, SIGINT and SIGTERM only set a flag that loops ask for;
// a second one ends the process at once. Without one they end it as always.
class InterruptGuard {
 public:
  // What is half done may wait for servers that are not there. With kEndSoon the process ends two
  // seconds after the first signal, whatever it waits for: for commands that leave nothing on this
  // machine.
  enum class Patience { kWait, kEndSoon };
  explicit InterruptGuard(Patience patience = Patience::kWait);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

bool Interrupted();
// Cancelled after a signal.
absl::Status CheckInterrupt();

}  // namespace quern::shell
