#include "mapreduce/worker/task_pool.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/clean_text.h"
#include "common/log.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/report_limits.h"

namespace quern::mr {
namespace {

constexpr absl::Duration kProbePatience = absl::Seconds(30);

}  // namespace

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

absl::Status TaskPool::Probe(const std::string& dir) {
  const std::string log = dir + "/probe.log";
  unlink(log.c_str());
  ASSIGN_OR_RETURN(const auto process, TaskProcess::Spawn(binary_, "", dir, log));
  pb::FromTask message;
  const auto event = process->channel.Receive(kProbePatience, &message);
  const ExitStatus exit = process->End();
  if (event.ok() && *event == TaskChannel::Event::kMessage && message.has_hello()) {
    return absl::OkStatus();
  }
  return UnavailableError("{}: ended with {} before it said hello: {}", binary_, exit.ToString(),
                          CleanLine(Tail(log, kMaxFailureBytes), kMaxFailureBytes));
}

void TaskPool::NoteIsolation(bool namespaces) {
  const char* const words =
      namespaces ? "in namespaces of their own" : "as ordinary processes: no namespaces here";
  MutexLock lock(&mutex_);
  if (isolation_ == words) return;
  isolation_ = words;
  LogInfo("tasks_run", {{"how", isolation_}});
}

std::string TaskPool::isolation() const {
  MutexLock lock(&mutex_);
  return isolation_;
}

void TaskPool::EndIdle() {
  std::vector<std::unique_ptr<TaskProcess>> doomed;
  MutexLock lock(&mutex_);
  doomed = std::exchange(idle_, {});
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
