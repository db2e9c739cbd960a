#include "common/parallel.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern {

absl::Status ParallelFor(size_t n, const std::function<absl::Status(size_t)>& body) {
  constexpr size_t kThreads = 16;
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  Mutex mutex;
  absl::Status first;  // guarded by mutex
  const auto work = [&] {
    for (size_t i = next++; i < n && !failed; i = next++) {
      absl::Status status = body(i);
      if (status.ok()) continue;
      MutexLock lock(&mutex);
      if (!failed.exchange(true)) first = std::move(status);
    }
  };
  std::vector<Thread> helpers;
  for (size_t i = 1; i < std::min(n, kThreads); ++i) helpers.emplace_back("parallel", work);
  work();
  helpers.clear();  // joins
  return first;
}

}  // namespace quern
