// Something that happens once, and others wait for. (absl::Notification stands on absl::Mutex; see
// mutex.h.)
#pragma once

#include "common/mutex.h"

namespace quern {

// Thread-safe. May be destroyed as soon as Wait has returned.
class Notification {
 public:
  void Notify() {
    MutexLock lock(&mutex_);
    notified_ = true;
    changed_.SignalAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!notified_) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern
