// Wakes the one thread that takes events from a completion queue.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

#include "common/mutex.h"

namespace quern::rpc {

// Thread-safe; of one queue and one tag.
class WakeUp {
 public:
  // The queue gives back `tag` at once; wakes until then are one. Not after the queue's Shutdown.
  void Wake(grpc::CompletionQueue* queue, void* tag) {
    MutexLock lock(&mutex_);
    // An alarm may be set again only after it has fired.
    if (armed_) return;
    armed_ = true;
    // Past for sure: then this thread itself puts the tag into the queue. gRPC's timers count
    // whole milliseconds, rounded up, so with "now" another thread would do it up to one later.
    alarm_.Set(queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), tag);
  }
  // The tag came out of the queue. Call it before looking at what was woken for.
  void Fired() {
    MutexLock lock(&mutex_);
    armed_ = false;
  }
  // The tag comes at once if it is still to come.
  void Cancel() {
    MutexLock lock(&mutex_);
    alarm_.Cancel();
  }

 private:
  Mutex mutex_;
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
  bool armed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::rpc
