#include "common/clock.h"

#include <absl/time/clock.h>

#include <chrono>
#include <thread>

namespace quern {
namespace {

class RealClock : public Clock {
 public:
  absl::Time TimeNow() override { return absl::Now(); }
  absl::Time MonotonicNow() override {
    return absl::UnixEpoch() +
           absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
  void Sleep(absl::Duration duration) override {
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(duration));
  }
};

}  // namespace

Clock* Clock::Real() {
  static RealClock* const clock = new RealClock;
  return clock;
}

void GiveWay() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

absl::Time SimulatedClock::TimeNow() {
  MutexLock lock(&mutex_);
  return now_;
}

void SimulatedClock::Sleep(absl::Duration duration) {
  MutexLock lock(&mutex_);
  const absl::Time until = now_ + duration;
  while (now_ < until) advanced_.Wait(&mutex_);
}

void SimulatedClock::AdvanceTime(absl::Duration duration) {
  MutexLock lock(&mutex_);
  now_ += duration;
  advanced_.SignalAll();
}

}  // namespace quern
