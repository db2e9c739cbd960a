// Time as an argument. Only clock.cc reads the machine's clocks; logic classes get `now`, services
// hold a Clock&.
#pragma once

#include <absl/time/time.h>

#include "common/mutex.h"

namespace quern {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time, for mtimes and pages. May jump.
  virtual absl::Time TimeNow() = 0;
  // Time since an arbitrary start that never jumps, shown as a Time; for timeouts.
  virtual absl::Time MonotonicNow() = 0;
  // Blocks the caller; SimulatedClock returns when time was advanced that far.
  virtual void Sleep(absl::Duration duration) = 0;

  // The machine's clock. Never deleted. For main functions and for defaults of options; everything
  // else is given a Clock.
  static Clock* Real();
};

// Lets other threads go on for a moment. For whoever has released a lock that he takes again at
// once: those who wait for it would hardly ever have it.
void GiveWay();

// Stands still until told. Thread-safe.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(absl::Time start = absl::UnixEpoch() + absl::Hours(24 * 365 * 50))
      : now_(start) {}
  absl::Time TimeNow() override;
  absl::Time MonotonicNow() override { return TimeNow(); }
  void Sleep(absl::Duration duration) override;
  void AdvanceTime(absl::Duration duration);

 private:
  Mutex mutex_;
  CondVar advanced_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern
