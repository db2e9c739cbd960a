// A few threads for many lines of work: the tasks of one line are done in their order, one at a
// time; tasks of different lines at the same time. Lines take turns.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern {

// Thread-safe.
class SerialWorkers {
 public:
  using Task = std::function<void()>;
  class Line {
   private:
    friend class SerialWorkers;
    std::deque<Task> tasks_;  // under the lock of the workers
    bool busy_ = false;
  };

  SerialWorkers(const std::string& name, int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back(name, [this] { Run(); });
  }
  ~SerialWorkers() { Stop(); }

  // False, and nothing is added, when `max_waiting` tasks of the line are waiting already, and
  // after Stop.
  bool Add(const std::shared_ptr<Line>& line, Task task, size_t max_waiting) {
    MutexLock lock(&mutex_);
    if (stopping_ || line->tasks_.size() >= max_waiting) return false;
    line->tasks_.push_back(std::move(task));
    if (line->tasks_.size() == 1 && !line->busy_) MakeReady(line);
    return true;
  }
  // Finishes the tasks under way and drops those that wait.
  void Stop() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      changed_.SignalAll();
    }
    for (Thread& thread : threads_) thread.Join();
  }

 private:
  void MakeReady(const std::shared_ptr<Line>& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ready_.push_back(line);
    changed_.Signal();
  }
  void Run() {
    mutex_.Lock();
    while (true) {
      while (ready_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (stopping_) break;
      const std::shared_ptr<Line> line = std::move(ready_.front());
      ready_.pop_front();
      Task task = std::move(line->tasks_.front());
      line->tasks_.pop_front();
      line->busy_ = true;
      mutex_.Unlock();
      task();
      task = nullptr;
      mutex_.Lock();
      line->busy_ = false;
      if (!line->tasks_.empty()) MakeReady(line);
    }
    mutex_.Unlock();
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<Line>> ready_ ABSL_GUARDED_BY(mutex_);  // each at most once
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace quern
