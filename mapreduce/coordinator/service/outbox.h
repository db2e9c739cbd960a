// Messages on their way to one worker: put in by any thread, sent by the thread of its session.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Thread-safe.
class Outbox {
 public:
  // `wake` is called after each Put and Close, until Detach.
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Put(v1::CoordinatorMessage message) {
    MutexLock lock(&mutex_);
    messages_.push_back(std::move(message));
    if (wake_) wake_();
  }
  // The session should end: it was replaced, or its worker given up.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
    if (wake_) wake_();
  }
  // The session is ending: what is put in from now on is dropped.
  void Detach() {
    MutexLock lock(&mutex_);
    wake_ = nullptr;
  }
  std::vector<v1::CoordinatorMessage> Take() {
    MutexLock lock(&mutex_);
    return std::exchange(messages_, {});
  }
  bool closed() {
    MutexLock lock(&mutex_);
    return closed_;
  }

 private:
  Mutex mutex_;
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::CoordinatorMessage> messages_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::mr
