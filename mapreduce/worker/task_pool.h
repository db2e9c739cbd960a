// Task processes that wait for the next attempt of their job. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/status.h"
#include "mapreduce/worker/task_process.h"

namespace quern::mr {

class TaskPool {
 public:
  // `binary` is quern-task. Keeps at most `max_idle` processes waiting.
  TaskPool(std::string binary, size_t max_idle) : binary_(std::move(binary)), max_idle_(max_idle) {}

  // One that has run for this job before, unless `fresh`; else a new one, started in `dir` with its
  // output to dir/log.
  absl::StatusOr<std::unique_ptr<TaskProcess>> Get(const std::string& job_id,
                                                   const std::string& dir, bool fresh);
  // A process whose attempt has succeeded. Those of other jobs make room for it.
  void Put(std::unique_ptr<TaskProcess> process);
  // Starts a process in `dir`, waits for its hello and ends it. Unavailable: none can be started.
  absl::Status Probe(const std::string& dir);
  // What a process has said of how it is held; logged when it is news.
  void NoteIsolation(bool namespaces);
  // The same in words, for people.
  std::string isolation() const;
  // Ends the waiting processes of a job.
  void ForgetJob(const std::string& job_id);
  // Ends all that wait.
  void EndIdle();

 private:
  const std::string binary_;
  const size_t max_idle_;
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<TaskProcess>> idle_ ABSL_GUARDED_BY(mutex_);
  std::string isolation_ ABSL_GUARDED_BY(mutex_) = "not known yet";
};

}  // namespace quern::mr
