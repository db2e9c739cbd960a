#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/rpc/handlers.h"
#include "mapreduce/coordinator/service/task_history.h"
#include "mapreduce/coordinator/service/task_rows.h"

namespace quern::mr {
namespace {

constexpr uint32_t kUsualAttempts = 1'000;
constexpr uint32_t kMostAttempts = 5'000;

size_t LimitOf(const pb::ListTasksRequest& request) {
  return request.limit() == 0 ? kUsualAttempts : std::min(request.limit(), kMostAttempts);
}

void SortRows(pb::ListTasksRequest::Order order, absl::Time now, std::vector<TaskRow>* rows) {
  if (order == pb::ListTasksRequest::ORDER_SLOWEST) return SortSlowestFirst(now, rows);
  SortByTask(rows);
}

// Rows from `next` to `end`, or as many as a message holds.
pb::ListTasksResponse Describe(const TrackerState& state, const Job& job,
                               const std::vector<TaskRow>& rows, size_t next, size_t end) {
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

// Of a job whose tasks have left the memory. None when it ended too long ago.
absl::StatusOr<pb::ListTasksResponse> ListRemembered(const Coordinator& coordinator, JobKey key,
                                                     const pb::ListTasksRequest& request) {
  pb::ListTasksResponse response;
  const absl::StatusOr<pb::TaskHistory> history = coordinator.journal().ReadTasks(key);
  if (history.status().code() == absl::StatusCode::kNotFound) {
    response.set_forgotten(true);
    return response;
  }
  RETURN_IF_ERROR(history.status());
  std::vector<pb::TaskAttemptStatus> attempts = RememberedAttempts(request.job_id(), *history);
  if (request.order() == pb::ListTasksRequest::ORDER_FAILED) {
    std::erase_if(attempts, [](const pb::TaskAttemptStatus& attempt) {
      return attempt.state() != pb::ATTEMPT_STATE_FAILED;
    });
  }
  if (request.order() == pb::ListTasksRequest::ORDER_SLOWEST) {
    const auto length = [](const pb::TaskAttemptStatus& attempt) {
      return attempt.finished_ms() - attempt.started_ms();
    };
    std::stable_sort(attempts.begin(), attempts.end(),
                     [&](const auto& a, const auto& b) { return length(a) > length(b); });
  }
  response.set_left_out(history->left_out());
  size_t next = request.start();
  for (; next < attempts.size() && next - request.start() < LimitOf(request); ++next) {
    *response.add_attempts() = std::move(attempts[next]);
  }
  response.set_more(next < attempts.size());
  return response;
}

}  // namespace

absl::StatusOr<pb::ListTasksResponse> ListTasks(Coordinator* coordinator,
                                                const pb::ListTasksRequest& request) {
  RETURN_IF_ERROR(coordinator->pipelines().CheckIsNoPipeline(request.job_id()));
  std::vector<TaskRow> rows;
  std::optional<JobKey> left_memory;
  RETURN_IF_ERROR(coordinator->Read([&](const TrackerState& state) -> absl::Status {
    const Job* job = state.jobs.Find(request.job_id());
    if (job == nullptr) return NoSuchJob(request.job_id());
    const JobTasks* tasks = state.Tasks(*job);
    if (tasks == nullptr) {
      left_memory = job->key;
    } else {
      const bool failed = request.order() == pb::ListTasksRequest::ORDER_FAILED;
      rows = CopyRows(*tasks, failed ? RowsWanted::kFailed : RowsWanted::kAll);
    }
    return absl::OkStatus();
  }));
  if (left_memory) return ListRemembered(*coordinator, *left_memory, request);
  SortRows(request.order(), coordinator->Now(), &rows);
  const size_t begin = std::min<size_t>(request.start(), rows.size());
  const size_t end = std::min(rows.size(), begin + LimitOf(request));
  return coordinator->Read([&](const TrackerState& state) -> absl::StatusOr<pb::ListTasksResponse> {
    const Job* job = state.jobs.Find(request.job_id());
    if (job == nullptr) return NoSuchJob(request.job_id());
    return Describe(state, *job, rows, begin, end);
  });
}

}  // namespace quern::mr
