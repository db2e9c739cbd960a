// One thread that does the same thing again and again, with a pause before each time.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <string>
#include <utility>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern {

// Destroyed, it waits for a round that has begun and begins no other.
class PeriodicThread {
 public:
  PeriodicThread(std::string name, absl::Duration pause, std::function<void()> round)
      : pause_(pause), round_(std::move(round)), thread_(std::move(name), [this] { Run(); }) {}
  ~PeriodicThread() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      stop_.SignalAll();
    }
    thread_.Join();
  }

 private:
  void Run() {
    while (true) {
      {
        MutexLock lock(&mutex_);
        if (!stopping_) stop_.WaitFor(&mutex_, pause_);
        if (stopping_) return;
      }
      round_();
    }
  }

  const absl::Duration pause_;
  const std::function<void()> round_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace quern
