#include "jobs/search/serving/work_pool.h"

#include <algorithm>

namespace quern::search {

WorkPool::WorkPool(size_t helpers) {
  for (size_t i = 0; i < helpers; ++i) threads_.emplace_back("search", [this] { Run(); });
}

WorkPool::~WorkPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  for (Thread& thread : threads_) thread.Join();
}

void WorkPool::RunAll(size_t n, const std::function<void(size_t)>& work) {
  if (n <= 1 || threads_.empty()) {
    for (size_t i = 0; i < n; ++i) work(i);
    return;
  }
  const auto batch = std::make_shared<Batch>(n, work);
  {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < std::min(n, threads_.size() + 1) - 1; ++i) waiting_.push_back(batch);
    changed_.SignalAll();
  }
  batch->Help();
  batch->WaitForEnd();
}

void WorkPool::Run() {
  while (true) {
    std::shared_ptr<Batch> batch;
    {
      MutexLock lock(&mutex_);
      while (waiting_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (waiting_.empty()) return;
      batch = std::move(waiting_.front());
      waiting_.pop_front();
    }
    batch->Help();
  }
}

void WorkPool::Batch::Help() {
  for (size_t i = 0; (i = next.fetch_add(1)) < n;) {
    (*work)(i);
    MutexLock lock(&mutex);
    if (++done == n) changed.SignalAll();
  }
}

void WorkPool::Batch::WaitForEnd() {
  MutexLock lock(&mutex);
  while (done < n) changed.Wait(&mutex);
}

}  // namespace quern::search
