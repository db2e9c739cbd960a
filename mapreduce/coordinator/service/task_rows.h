// The attempts of a job as a list that is sorted without its job: a large one has 200,000 of them,
// too many to be looked at for long with the coordinator's lock held.
#pragma once

#include <absl/time/time.h>

#include <vector>

#include "mapreduce/coordinator/logic/job_tasks.h"

namespace quern::mr {

struct TaskRow {
  TaskKind kind = TaskKind::kMap;
  Attempt attempt;
};

enum class RowsWanted { kAll, kFailed };
std::vector<TaskRow> CopyRows(const JobTasks& tasks, RowsWanted wanted = RowsWanted::kAll);

// By kind, task and number.
void SortByTask(std::vector<TaskRow>* rows);
// Those that took longest first; what runs has taken until `now`.
void SortSlowestFirst(absl::Time now, std::vector<TaskRow>* rows);

}  // namespace quern::mr
