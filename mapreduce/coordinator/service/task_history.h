// What is remembered of the tasks of a job that has ended, over restarts (pb::TaskHistory): made
// when the job ends, bounded in size, read when somebody asks.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/task_rows.h"
#include "mapreduce/coordinator/service/tracker_state.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/journal.pb.h"

namespace quern::mr {

// Made in short steps, since a job may have 200,000 attempts: Begin and Add look at the job and
// want the coordinator's lock, the others do not. What is still running counts as killed.
class TaskHistoryMaker {
 public:
  struct Limits {
    // Of the attempts, encoded: about 10,000 of them.
    size_t max_bytes = size_t{1} << 20;
    // Of the worst ones the last lines of their logs are kept.
    size_t max_log_tails = 20;
    // Attempts of one Add.
    size_t step = 500;
  };
  TaskHistoryMaker() = default;
  explicit TaskHistoryMaker(const Limits& limits) : limits_(limits) {}

  void Begin(const Job& job, const JobTasks& tasks);
  // The ones worth most first: failed, then otherwise lost, then the slowest.
  void Rank(absl::Time now);
  // False when there is nothing more to add.
  bool Add(const Job& job, const WorkerRegistry& registry);
  pb::TaskHistory Take(absl::Time now);

 private:
  uint32_t IndexOf(const WorkerInfo& worker);

  Limits limits_;
  pb::TaskHistory history_;
  std::vector<TaskRow> rows_;
  size_t next_ = 0;
  size_t bytes_ = 0;
  size_t log_tails_ = 0;
  std::map<std::string, uint32_t> workers_;  // by id
};

// The attempts as they were shown while the job was in memory.
std::vector<pb::TaskAttemptStatus> RememberedAttempts(std::string_view job_id,
                                                      const pb::TaskHistory& history);
// Of the newest attempt of the task, or of the one with this number; null when it is not
// remembered.
const pb::TaskHistory::Attempt* FindRemembered(const pb::TaskHistory& history, pb::TaskKind kind,
                                               uint32_t task, std::optional<uint32_t> number);
// A job with nothing but what GetTask needs.
std::unique_ptr<Job> RememberedJob(const pb::JobStatus& status, const pb::TaskHistory& history);

}  // namespace quern::mr
