// Virtual time for a client whose server is scripted: it passes while the client waits, and the
// script knows when the client has noticed.
#pragma once

#include <gtest/gtest.h>

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

  // What was sent to somebody who waits has reached him, also when the threads in between were held
  // up: who looks twice every 5 ms looks for half a second.
  void AwaitNews() { AwaitLooks(kRoundsForNews); }
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
  // Returns when it has been looked at so often from now on. Should nobody do so for a time in
  // which the busiest machine gets to it, the test has failed: whoever was awaited does not wait.
  void AwaitLooks(int times) {
    MutexLock lock(&looks_mutex_);
    const int64_t enough = looks_ + times;
    while (looks_ < enough) {
      if (looked_.WaitFor(&looks_mutex_, kLongestStall)) continue;
      ADD_FAILURE() << "nobody waits: " << enough - looks_ << " looks at the clock are missing";
      return;
    }
  }

  // At the clock, up to two for every event: several events, and what had arrived is seen too. What
  // is still under way may not be.
  static constexpr int kRounds = 20;
  static constexpr int kRoundsForNews = 200;
  static constexpr absl::Duration kLongestStall = absl::Seconds(60);

  Mutex looks_mutex_;
  CondVar looked_;
  int64_t looks_ ABSL_GUARDED_BY(looks_mutex_) = 0;
};

}  // namespace quern
