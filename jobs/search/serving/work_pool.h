// A few threads that help whoever has several pieces of work at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern::search {

// Thread-safe. Must outlive its calls.
class WorkPool {
 public:
  // `helpers` threads besides the callers.
  explicit WorkPool(size_t helpers);
  ~WorkPool();

  // Calls work(0) to work(n - 1), here and in helpers that are free; returns when all have
  // returned.
  void RunAll(size_t n, const std::function<void(size_t)>& work);

 private:
  struct Batch {
    Batch(size_t count, const std::function<void(size_t)>& what) : n(count), work(&what) {}

    // Until nothing of it is left to begin.
    void Help();
    void WaitForEnd();

    const size_t n;
    const std::function<void(size_t)>* const work;  // used only for a piece that was begun
    std::atomic<size_t> next{0};
    Mutex mutex;
    CondVar changed;
    size_t done ABSL_GUARDED_BY(mutex) = 0;
  };

  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::shared_ptr<Batch>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace quern::search
