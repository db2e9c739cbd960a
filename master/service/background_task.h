// A thread that does one kind of work whenever there is some.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <string>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern::master {

class BackgroundTask {
 public:
  // `work` does what there is to do and says how long there will be nothing, unless Wake says
  // otherwise. It must not wait long itself.
  BackgroundTask(std::string name, std::function<absl::Duration()> work)
      : work_(std::move(work)), thread_(std::move(name), [this] { Run(); }) {}
  // Waits for the work that is being done.
  ~BackgroundTask() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      wake_.SignalAll();
    }
    thread_.Join();
  }

  // There may be work now. Cheap; any thread.
  void Wake() {
    MutexLock lock(&mutex_);
    if (woken_) return;
    woken_ = true;
    wake_.SignalAll();
  }

 private:
  void Run() {
    while (true) {
      const absl::Duration idle = work_();
      MutexLock lock(&mutex_);
      if (!woken_ && !stopping_ && idle > absl::ZeroDuration()) wake_.WaitFor(&mutex_, idle);
      if (stopping_) return;
      woken_ = false;
    }
  }

  const std::function<absl::Duration()> work_;
  Mutex mutex_;
  CondVar wake_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace quern::master
