// A clock for code that sleeps between its tries: no test waits for it.
#pragma once

#include "common/clock.h"

namespace quern {

// Who sleeps finds the time gone; else it stands still until told.
class JumpingClock : public SimulatedClock {
 public:
  void Sleep(absl::Duration duration) override { AdvanceTime(duration); }
};

}  // namespace quern
