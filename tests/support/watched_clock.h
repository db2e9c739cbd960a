// Virtual time for a client whose server is scripted: it passes while the client waits, and the
// script knows when the client has noticed.
#pragma once

#include <cstdint>

#include "common/mutex.h"
#include "tests/support/jumping_clock.h"

namespace quern {

// Who waits looks at a clock again and again. So whoever has looked often enough had begun to wait
// before, and has decided by what the clock shows whether to wait on.
class WatchedClock final : public JumpingClock {
 public:
  absl::Time TimeNow() override {
    // Whoever is told of this look and moves the time does so behind it.
    const absl::Time now = SimulatedClock::TimeNow();
    MutexLock lock(&looks_mutex_);
    ++looks_;
    looked_.SignalAll();
    return now;
  }

  // Time passes for somebody who has begun to wait.
  void PassWhileAwaited(absl::Duration duration) {
    AwaitLooks(kRounds);
    AdvanceTime(duration);
  }
  // The same, and he has noticed and waits on.
  void PassAndBeSeen(absl::Duration duration) {
    PassWhileAwaited(duration);
    AwaitLooks(kRounds);
  }

 private:
  // Returns when it has been looked at so often from now on; should nobody do so, after 10 s.
  void AwaitLooks(int times) {
    MutexLock lock(&looks_mutex_);
    const int64_t enough = looks_ + times;
    while (looks_ < enough && looked_.WaitFor(&looks_mutex_, absl::Seconds(10))) {
    }
  }

  // At the clock, up to two for every event: several events, and what had arrived is seen too.
  static constexpr int kRounds = 20;

  Mutex looks_mutex_;
  CondVar looked_;
  int64_t looks_ ABSL_GUARDED_BY(looks_mutex_) = 0;
};

}  // namespace quern
