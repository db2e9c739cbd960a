#include "client/shell/jobs.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "client/shell/interrupt.h"
#include "common/thread.h"

namespace quern::shell {

void RunJobs(size_t count, size_t workers, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  const auto loop = [&] {
    for (size_t i = next++; i < count && !Interrupted(); i = next++) work(i);
  };
  // The caller is one of the workers: a single file needs no thread.
  std::vector<Thread> threads;
  for (size_t i = 1; i < std::min(workers, count); ++i) threads.emplace_back("dfs-job", loop);
  loop();
}

}  // namespace quern::shell
