#include "mapreduce/coordinator/service/task_history.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"

namespace quern::mr {
namespace {

// What was not to be expected comes first.
int RankOf(const Attempt& attempt) {
  if (attempt.state == AttemptState::kFailed) return 0;
  return attempt.state == AttemptState::kSucceeded ? 2 : 1;
}

}  // namespace

void TaskHistoryMaker::Begin(const Job& job, const JobTasks& tasks) {
  rows_ = CopyRows(tasks);
  *history_.mutable_spec() = job.spec;
  if (!job.inputs_are_small()) return;
  for (size_t i = 0; i < job.map_splits.size(); ++i) {
    *history_.add_map_splits() = job.map_splits.Get(i);
  }
  for (const std::string& bound : job.bounds) history_.add_range_bounds(bound);
}

void TaskHistoryMaker::Rank(absl::Time now) {
  SortSlowestFirst(now, &rows_);
  std::stable_sort(rows_.begin(), rows_.end(), [](const TaskRow& a, const TaskRow& b) {
    return RankOf(a.attempt) < RankOf(b.attempt);
  });
}

bool TaskHistoryMaker::Add(const Job& job, const WorkerRegistry& registry) {
  for (size_t i = 0; i < limits_.step && next_ < rows_.size(); ++i, ++next_) {
    const TaskRow& row = rows_[next_];
    pb::TaskHistory::Attempt attempt;
    *attempt.mutable_status() = MakeAttemptStatus(job, row.kind, row.attempt);
    attempt.mutable_status()->mutable_id()->clear_job_id();
    attempt.set_worker(IndexOf(registry.Get(row.attempt.worker).info));
    if (attempt.status().has_failure() && ++log_tails_ > limits_.max_log_tails) {
      attempt.mutable_status()->mutable_failure()->clear_log_tail();
    }
    bytes_ += attempt.ByteSizeLong();
    if (bytes_ > limits_.max_bytes) {
      history_.set_left_out(static_cast<uint32_t>(rows_.size() - next_));
      return false;
    }
    *history_.add_attempts() = std::move(attempt);
  }
  return next_ < rows_.size();
}

uint32_t TaskHistoryMaker::IndexOf(const WorkerInfo& worker) {
  const auto [it, is_new] =
      workers_.emplace(worker.id, static_cast<uint32_t>(history_.workers_size()));
  if (is_new) {
    pb::TaskHistory::Worker* const out = history_.add_workers();
    out->set_id(worker.id);
    out->set_address(worker.address);
    out->set_node(worker.node);
  }
  return it->second;
}

pb::TaskHistory TaskHistoryMaker::Take(absl::Time now) {
  auto* const attempts = history_.mutable_attempts();
  for (pb::TaskHistory::Attempt& attempt : *attempts) {
    if (attempt.status().state() != pb::ATTEMPT_STATE_RUNNING) continue;
    // The job needs it no longer: that is what its worker is about to be told.
    attempt.mutable_status()->set_state(pb::ATTEMPT_STATE_KILLED);
    attempt.mutable_status()->set_finished_ms(ToMillis(now));
  }
  const auto place = [](const pb::TaskHistory::Attempt& attempt) {
    const pb::AttemptId& id = attempt.status().id();
    return std::tuple(FromProto(id.kind()), id.task(), id.attempt());
  };
  std::sort(attempts->begin(), attempts->end(),
            [&](const auto& a, const auto& b) { return place(a) < place(b); });
  return std::move(history_);
}

std::vector<pb::TaskAttemptStatus> RememberedAttempts(std::string_view job_id,
                                                      const pb::TaskHistory& history) {
  std::vector<pb::TaskAttemptStatus> attempts;
  for (const pb::TaskHistory::Attempt& attempt : history.attempts()) {
    pb::TaskAttemptStatus& status = attempts.emplace_back(attempt.status());
    status.mutable_id()->set_job_id(std::string(job_id));
    if (attempt.worker() >= static_cast<uint32_t>(history.workers_size())) continue;
    const auto& worker = history.workers(static_cast<int>(attempt.worker()));
    status.set_worker(worker.address().empty() ? worker.id() : worker.address());
    status.set_node(worker.node());
  }
  return attempts;
}

const pb::TaskHistory::Attempt* FindRemembered(const pb::TaskHistory& history, pb::TaskKind kind,
                                               uint32_t task, std::optional<uint32_t> number) {
  const pb::TaskHistory::Attempt* found = nullptr;
  for (const pb::TaskHistory::Attempt& attempt : history.attempts()) {
    const pb::AttemptId& id = attempt.status().id();
    if (id.kind() != kind || id.task() != task) continue;
    if (!number.has_value() || id.attempt() == *number) found = &attempt;
  }
  return found;
}

std::unique_ptr<Job> RememberedJob(const pb::JobStatus& status, const pb::TaskHistory& history) {
  auto job = std::make_unique<Job>();
  job->id = status.job_id();
  job->spec = history.spec();
  for (const pb::Split& split : history.map_splits()) job->map_splits.Add(split);
  job->bounds.assign(history.range_bounds().begin(), history.range_bounds().end());
  job->SetFinal(status);
  return job;
}

}  // namespace quern::mr
