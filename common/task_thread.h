// One thread that does what it is given, in that order.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern {

// Thread-safe.
class TaskThread {
 public:
  explicit TaskThread(std::string name) : thread_(std::move(name), [this] { Run(); }) {}
  // Does first what was added before.
  ~TaskThread() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    changed_.Signal();
    thread_.Join();
  }

  void Add(std::function<void()> task) {
    {
      MutexLock lock(&mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.Signal();  // it wakes with the lock free
  }

 private:
  void Run() {
    while (true) {
      std::vector<std::function<void()>> tasks;
      {
        MutexLock lock(&mutex_);
        while (tasks_.empty() && !stopping_) changed_.Wait(&mutex_);
        if (tasks_.empty()) return;
        tasks.swap(tasks_);
      }
      for (const auto& task : tasks) task();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace quern
