// The part of Coordinator that shows things.
#include <algorithm>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/coordinator.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

absl::Status NoSuchJob(std::string_view job_id) {
  return NotFoundError("{}: no such job. Try: mr list", job_id);
}

// Lists stop before they are too long for a message.
constexpr size_t kMaxListBytes = size_t{4} << 20;

struct Row {
  TaskKind kind;
  Attempt attempt;
};

std::vector<Row> CopyRows(const JobTasks& tasks, v1::ListTasksRequest::Order order) {
  std::vector<Row> rows;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    rows.reserve(rows.size() + tasks.attempts(kind).size());
    for (const Attempt& attempt : tasks.attempts(kind)) {
      if (order == v1::ListTasksRequest::ORDER_FAILED && attempt.state != AttemptState::kFailed) {
        continue;
      }
      rows.push_back({kind, attempt});
    }
  }
  return rows;
}

void SortRows(v1::ListTasksRequest::Order order, absl::Time now, std::vector<Row>* rows) {
  const auto length = [now](const Row& row) {
    return std::min(row.attempt.finished, now) - row.attempt.started;
  };
  std::stable_sort(rows->begin(), rows->end(), [&](const Row& a, const Row& b) {
    if (order == v1::ListTasksRequest::ORDER_SLOWEST) return length(a) > length(b);
    return std::tuple(a.kind, a.attempt.task, a.attempt.number) <
           std::tuple(b.kind, b.attempt.task, b.attempt.number);
  });
}

}  // namespace

absl::StatusOr<v1::JobStatus> Coordinator::GetJob(std::string_view job_id) const {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  return MakeJobStatus(*job, tracker_.state().Tasks(*job));
}

absl::StatusOr<v1::JobStatus> Coordinator::GetJobSummary(std::string_view job_id) const {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(job_id);
  if (job == nullptr) return NoSuchJob(job_id);
  return MakeJobSummary(*job, tracker_.state().Tasks(*job));
}

v1::ListJobsResponse Coordinator::ListJobs(uint32_t limit) const {
  v1::ListJobsResponse response;
  MutexLock lock(&mutex_);
  const uint32_t most = limit == 0 ? 100 : limit;
  size_t bytes = 0;
  const TrackerState& state = tracker_.state();
  const auto& jobs = state.jobs.all();
  for (auto it = jobs.rbegin(); it != jobs.rend(); ++it) {
    v1::JobStatus summary = MakeJobSummary(*it->second, state.Tasks(*it->second));
    bytes += summary.ByteSizeLong();
    if (static_cast<uint32_t>(response.jobs_size()) == most || bytes > kMaxListBytes) break;
    *response.add_jobs() = std::move(summary);
  }
  return response;
}

absl::StatusOr<v1::ListTasksResponse> Coordinator::ListTasks(
    const v1::ListTasksRequest& request) const {
  v1::ListTasksResponse response;
  std::vector<Row> rows;
  {
    MutexLock lock(&mutex_);
    const Job* job = tracker_.state().jobs.Find(request.job_id());
    if (job == nullptr) return NoSuchJob(request.job_id());
    const JobTasks* tasks = tracker_.state().Tasks(*job);
    if (tasks == nullptr) return response;  // ended long ago
    rows = CopyRows(*tasks, request.order());
  }
  // A large job has too many to be sorted with the lock held.
  SortRows(request.order(), Now(), &rows);
  const size_t limit = request.limit() == 0 ? 1'000 : std::min(request.limit(), 5'000u);
  const size_t end = std::min(rows.size(), request.start() + limit);
  size_t bytes = 0;
  size_t next = request.start();
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(request.job_id());
  if (job == nullptr) return NoSuchJob(request.job_id());
  for (; next < end; ++next) {
    v1::TaskAttemptStatus status = MakeAttemptStatus(*job, rows[next].kind, rows[next].attempt);
    const WorkerInfo& worker = tracker_.state().registry.Get(rows[next].attempt.worker).info;
    status.set_worker(worker.address.empty() ? worker.id : worker.address);
    status.set_node(worker.node);
    bytes += status.ByteSizeLong();
    if (bytes > kMaxListBytes && response.attempts_size() > 0) break;
    *response.add_attempts() = std::move(status);
  }
  response.set_more(next < rows.size());
  return response;
}

v1::GetWorkersResponse Coordinator::GetWorkers() const {
  v1::GetWorkersResponse response;
  const absl::Time now = Now();
  MutexLock lock(&mutex_);
  for (const auto& [key, worker] : tracker_.state().registry.workers()) {
    if (worker.info.address.empty()) continue;  // known from the journal only
    auto* out = response.add_workers();
    out->set_worker_id(worker.info.id);
    out->set_address(worker.info.address);
    out->set_http_address(worker.info.http_address);
    out->set_node(worker.info.node);
    out->set_rack(worker.info.rack);
    out->set_alive(worker.state == WorkerRegistry::State::kConnected);
    out->set_slots(worker.info.slots);
    out->set_unhealthy(worker.info.unhealthy);
    const absl::Time rests_until = tracker_.state().scheduler.rests_until(key);
    if (worker.info.unhealthy.empty() && rests_until > now) {
      out->set_unhealthy(fmt::format(
          "rests for {}: attempts failed there, or its map outputs could not be fetched",
          absl::FormatDuration(absl::Ceil(rests_until - now, absl::Seconds(1)))));
    }
    out->set_running(tracker_.state().scheduler.running_on(key));
  }
  return response;
}

absl::StatusOr<std::string> Coordinator::FindLog(v1::AttemptId* id, bool newest) const {
  MutexLock lock(&mutex_);
  const Job* job = tracker_.state().jobs.Find(id->job_id());
  if (job == nullptr) return NoSuchJob(id->job_id());
  const std::string name = FormatTask(id->kind(), id->task());
  const JobTasks* tasks = tracker_.state().Tasks(*job);
  if (tasks == nullptr) {
    return NotFoundError("{}: the tasks of this job are no longer remembered", id->job_id());
  }
  const TaskKind kind = FromProto(id->kind());
  if (id->task() >= tasks->counts(kind).total) {
    return NotFoundError("{}: no such task in {}. Try: mr tasks {}", name, id->job_id(),
                         id->job_id());
  }
  const Attempt* attempt =
      newest ? tasks->Newest(kind, id->task()) : tasks->Find(kind, id->task(), id->attempt());
  if (attempt == nullptr) {
    return NotFoundError("{}: {} yet. Try: mr tasks {}", name,
                         newest ? "has not started" : "has no such attempt", id->job_id());
  }
  id->set_attempt(attempt->number);
  const WorkerRegistry::Worker& worker = tracker_.state().registry.Get(attempt->worker);
  if (worker.state != WorkerRegistry::State::kConnected) {
    return UnavailableError("{}: its worker on {} is gone, and its log with it", FormatAttempt(*id),
                            worker.info.node);
  }
  return worker.info.address;
}

Coordinator::Totals Coordinator::GetTotals() const {
  Totals totals;
  MutexLock lock(&mutex_);
  for (const auto& [key, job] : tracker_.state().jobs.all())
    totals.running_jobs += job->ended() ? 0 : 1;
  for (const auto& [key, worker] : tracker_.state().registry.workers()) {
    if (worker.state != WorkerRegistry::State::kConnected) continue;
    ++totals.alive_workers;
    totals.slots += worker.info.slots;
    totals.running_attempts += tracker_.state().scheduler.running_on(key);
  }
  return totals;
}

}  // namespace quern::mr
