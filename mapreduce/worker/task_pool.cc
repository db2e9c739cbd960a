#include "mapreduce/worker/task_pool.h"

#include <algorithm>
#include <utility>

namespace quern::mr {

absl::StatusOr<std::unique_ptr<TaskProcess>> TaskPool::Get(const std::string& job_id,
                                                           const std::string& dir, bool fresh) {
  std::vector<std::unique_ptr<TaskProcess>> doomed;  // ended without the lock
  {
    MutexLock lock(&mutex_);
    const auto mine = std::find_if(idle_.begin(), idle_.end(),
                                   [&](const auto& p) { return p->job_id == job_id; });
    if (!fresh && mine != idle_.end()) {
      std::unique_ptr<TaskProcess> process = std::move(*mine);
      idle_.erase(mine);
      return process;
    }
    // A new process needs the memory that those of other jobs sit on.
    for (auto it = idle_.begin(); it != idle_.end();) {
      if ((*it)->job_id == job_id) {
        ++it;
        continue;
      }
      doomed.push_back(std::move(*it));
      it = idle_.erase(it);
    }
  }
  return TaskProcess::Spawn(binary_, job_id, dir, dir + "/log");
}

void TaskPool::Put(std::unique_ptr<TaskProcess> process) {
  process->used = true;
  std::unique_ptr<TaskProcess> doomed;
  MutexLock lock(&mutex_);
  if (idle_.size() >= max_idle_) {
    doomed = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }
  if (max_idle_ > 0) idle_.push_back(std::move(process));
}

void TaskPool::ForgetJob(const std::string& job_id) {
  std::vector<std::unique_ptr<TaskProcess>> doomed;
  MutexLock lock(&mutex_);
  for (auto it = idle_.begin(); it != idle_.end();) {
    if ((*it)->job_id != job_id) {
      ++it;
      continue;
    }
    doomed.push_back(std::move(*it));
    it = idle_.erase(it);
  }
}

}  // namespace quern::mr
