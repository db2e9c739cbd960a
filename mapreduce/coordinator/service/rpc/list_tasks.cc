#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"

namespace quern::mr {
namespace {

constexpr uint32_t kUsualAttempts = 1'000;
constexpr uint32_t kMostAttempts = 5'000;

struct Row {
  TaskKind kind;
  Attempt attempt;
};

// None of a job that ended long ago.
absl::StatusOr<std::vector<Row>> CopyRows(const TrackerState& state, std::string_view job_id,
                                          pb::ListTasksRequest::Order order) {
  const Job* job = state.jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  std::vector<Row> rows;
  const JobTasks* tasks = state.Tasks(*job);
  if (tasks == nullptr) return rows;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    rows.reserve(rows.size() + tasks->attempts(kind).size());
    for (const Attempt& attempt : tasks->attempts(kind)) {
      if (order == pb::ListTasksRequest::ORDER_FAILED && attempt.state != AttemptState::kFailed) {
        continue;
      }
      rows.push_back({kind, attempt});
    }
  }
  return rows;
}

void SortRows(pb::ListTasksRequest::Order order, absl::Time now, std::vector<Row>* rows) {
  const auto length = [now](const Row& row) {
    return std::min(row.attempt.finished, now) - row.attempt.started;
  };
  std::stable_sort(rows->begin(), rows->end(), [&](const Row& a, const Row& b) {
    if (order == pb::ListTasksRequest::ORDER_SLOWEST) return length(a) > length(b);
    return std::tuple(a.kind, a.attempt.task, a.attempt.number) <
           std::tuple(b.kind, b.attempt.task, b.attempt.number);
  });
}

// Rows from `next` to `end`, or as many as a message holds.
pb::ListTasksResponse Describe(const TrackerState& state, const Job& job,
                               const std::vector<Row>& rows, size_t next, size_t end) {
  pb::ListTasksResponse response;
  size_t bytes = 0;
  for (; next < end; ++next) {
    pb::TaskAttemptStatus status = MakeAttemptStatus(job, rows[next].kind, rows[next].attempt);
    const WorkerInfo& worker = state.registry.Get(rows[next].attempt.worker).info;
    status.set_worker(worker.address.empty() ? worker.id : worker.address);
    status.set_node(worker.node);
    bytes += status.ByteSizeLong();
    if (bytes > kMaxListBytes && response.attempts_size() > 0) break;
    *response.add_attempts() = std::move(status);
  }
  response.set_more(next < rows.size());
  return response;
}

}  // namespace

absl::StatusOr<pb::ListTasksResponse> ListTasks(Coordinator* coordinator,
                                                const pb::ListTasksRequest& request) {
  ASSIGN_OR_RETURN(std::vector<Row> rows, coordinator->Read([&](const TrackerState& state) {
    return CopyRows(state, request.job_id(), request.order());
  }));
  // A large job has too many to be sorted with the lock held.
  SortRows(request.order(), coordinator->Now(), &rows);
  const size_t limit =
      request.limit() == 0 ? kUsualAttempts : std::min(request.limit(), kMostAttempts);
  const size_t begin = std::min<size_t>(request.start(), rows.size());
  const size_t end = std::min(rows.size(), begin + limit);
  return coordinator->Read([&](const TrackerState& state) -> absl::StatusOr<pb::ListTasksResponse> {
    const Job* job = state.jobs.Find(request.job_id());
    if (job == nullptr) return NoSuchJob(request.job_id());
    return Describe(state, *job, rows, begin, end);
  });
}

}  // namespace quern::mr
