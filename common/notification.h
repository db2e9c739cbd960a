// Something that happens once, and others wait for. (absl::Notification stands on absl::Mutex; see
// mutex.h.)
//
// One word in memory and no lock: who is woken finds nobody in the way, so it sleeps once. With a
// mutex and a condition variable it often wakes while the other still has the lock, and sleeps
// again.
#pragma once

#include <atomic>
#include <cstdint>

namespace quern {

// Thread-safe. May be destroyed as soon as Wait has returned.
class Notification {
 public:
  Notification() = default;
  Notification(const Notification&) = delete;
  Notification& operator=(const Notification&) = delete;

  void Notify();
  void Wait();

 private:
  enum State : uint32_t { kOpen, kAwaited, kNotified };
  std::atomic<uint32_t> state_ = kOpen;
};

}  // namespace quern
