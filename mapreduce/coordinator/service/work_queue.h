// Work for a few threads, in the order in which it was added, so that one piece that takes long
// does not hold up the others.
//
// Who waits for work and who waits to try again sleep on conditions of their own: with one for
// both, the news of work could wake a thread that only wants to wait longer, and the work would lie
// there beside an idle thread.
#pragma once

#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/thread.h"

namespace quern::mr {

struct WorkQueueOptions {
  Clock* clock = Clock::Real();  // borrowed; for work that is to be done later
};

// Thread-safe. What `Work` is, its owner says. Declare it behind everything that the work uses.
template <typename Work>
class WorkQueue {
 public:
  explicit WorkQueue(WorkQueueOptions options = {}) : clock_(options.clock) {}
  ~WorkQueue() { Shutdown(); }

  // Once. `run` is called on any of the threads, several at a time.
  void Start(const std::string& name, int threads, std::function<void(Work)> run) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back(name, [this, run] { RunThread(run); });
    }
  }
  // What has not begun is dropped. Returns at once: who has several queues stops them all before it
  // waits for the first, or the second begins new work for as long as that takes.
  void Stop() {
    MutexLock lock(&mutex_);
    stopping_ = true;
    added_.SignalAll();
    stopped_.SignalAll();
  }
  // Stops, and joins the threads.
  void Shutdown() {
    Stop();
    threads_.clear();  // joins
  }

  // Also before Start.
  void Add(Work work) {
    MutexLock lock(&mutex_);
    queue_.push_back(std::move(work));
    added_.Signal();
  }

  // For work that cannot be done for long: no thread waits with it, so that however much of that
  // there is, other work is done. Dropped when the queue is stopped before.
  void AddLater(Work work, absl::Duration interval) {
    MutexLock lock(&mutex_);
    later_.emplace(clock_->MonotonicNow() + interval, std::move(work));
    // Each idle thread looks when that is: any of them may have other work by then.
    added_.SignalAll();
  }

  bool stopping() const {
    MutexLock lock(&mutex_);
    return stopping_;
  }
  // For work that cannot be done now. False, and at once, when the queue is being stopped.
  bool WaitToRetry(absl::Duration interval) {
    MutexLock lock(&mutex_);
    if (!stopping_) stopped_.WaitFor(&mutex_, interval);
    return !stopping_;
  }

 private:
  void RunThread(const std::function<void(Work)>& run) {
    while (true) {
      Work work;
      {
        MutexLock lock(&mutex_);
        AwaitWork();
        if (stopping_) return;
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      run(std::move(work));
    }
  }

  // Until there is some in the queue, or it is stopped.
  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!stopping_) {
      const absl::Time now = clock_->MonotonicNow();
      for (; !later_.empty() && later_.begin()->first <= now; later_.erase(later_.begin())) {
        queue_.push_back(std::move(later_.begin()->second));
        added_.Signal();
      }
      if (!queue_.empty()) return;
      if (later_.empty()) {
        added_.Wait(&mutex_);
      } else {
        added_.WaitFor(&mutex_, later_.begin()->first - now);
      }
    }
  }

  Clock* const clock_;
  mutable Mutex mutex_;
  CondVar added_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Work> queue_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, Work> later_ ABSL_GUARDED_BY(mutex_);  // by when it is due
  std::vector<Thread> threads_;
};

}  // namespace quern::mr
