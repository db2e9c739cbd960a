#include "mapreduce/coordinator/service/task_rows.h"

#include <algorithm>
#include <tuple>

namespace quern::mr {

std::vector<TaskRow> CopyRows(const JobTasks& tasks, RowsWanted wanted) {
  std::vector<TaskRow> rows;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (wanted == RowsWanted::kAll) rows.reserve(rows.size() + tasks.attempts(kind).size());
    for (const Attempt& attempt : tasks.attempts(kind)) {
      if (wanted == RowsWanted::kFailed && attempt.state != AttemptState::kFailed) continue;
      rows.push_back({kind, attempt});
    }
  }
  return rows;
}

void SortByTask(std::vector<TaskRow>* rows) {
  std::stable_sort(rows->begin(), rows->end(), [](const TaskRow& a, const TaskRow& b) {
    return std::tuple(a.kind, a.attempt.task, a.attempt.number) <
           std::tuple(b.kind, b.attempt.task, b.attempt.number);
  });
}

void SortSlowestFirst(absl::Time now, std::vector<TaskRow>* rows) {
  // In whole milliseconds, as times are told and remembered: the order outlives the coordinator.
  const auto length = [now](const TaskRow& row) {
    return absl::ToUnixMillis(std::min(row.attempt.finished, now)) -
           absl::ToUnixMillis(row.attempt.started);
  };
  SortByTask(rows);
  std::stable_sort(rows->begin(), rows->end(),
                   [&](const TaskRow& a, const TaskRow& b) { return length(a) > length(b); });
}

}  // namespace quern::mr
