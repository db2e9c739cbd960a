#include "mapreduce/coordinator/logic/task_scheduler.h"

#include <algorithm>
#include <utility>

namespace quern::mr {

void TaskScheduler::SetWorker(WorkerKey key, const WorkerSlots& slots) {
  const auto [it, added] = workers_.try_emplace(key);
  if (!added) --workers_at_[it->second.slots.node];
  ++workers_at_[slots.node];
  it->second.slots = slots;
  it->second.paused = false;
  UpdateFree(key);
}

void TaskScheduler::PauseWorker(WorkerKey key) {
  const auto it = workers_.find(key);
  if (it == workers_.end()) return;
  it->second.paused = true;
  UpdateFree(key);
}

WorkerLoss TaskScheduler::RemoveWorker(WorkerKey key, absl::Time now) {
  WorkerLoss loss;
  const auto it = workers_.find(key);
  if (it == workers_.end()) return loss;
  Undo(key, nullptr, now, &loss);
  --workers_at_[it->second.slots.node];
  free_.erase(key);
  workers_.erase(it);
  return loss;
}

WorkerLoss TaskScheduler::Reconcile(WorkerKey worker, const std::set<AttemptRef>& present,
                                    absl::Time now) {
  WorkerLoss loss;
  Undo(worker, &present, now, &loss);
  return loss;
}

// Takes back what `worker` ran and held for every job, except what is in `present`.
void TaskScheduler::Undo(WorkerKey worker, const std::set<AttemptRef>* present, absl::Time now,
                         WorkerLoss* loss) {
  for (const auto& [job, tasks] : jobs_) {
    // Outputs matter as long as some reduce may still fetch them.
    const bool outputs_needed = tasks->counts(TaskKind::kReduce).total > 0 && !tasks->AllDone();
    for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
      // By index: Kill and Lose change attempts but never move them.
      for (size_t i = 0; i < tasks->attempts(kind).size(); ++i) {
        const Attempt attempt = tasks->attempts(kind)[i];
        if (attempt.worker != worker) continue;
        const AttemptRef ref{job, kind, attempt.task, attempt.number};
        if (present != nullptr && present->contains(ref)) continue;
        if (attempt.state == AttemptState::kRunning) {
          Killed(ref, now);
          loss->interrupted.push_back(ref);
        } else if (kind == TaskKind::kMap && attempt.state == AttemptState::kSucceeded &&
                   outputs_needed) {
          tasks->Lose(attempt.task);
          loss->lost.push_back(ref);
        }
      }
    }
  }
}

void TaskScheduler::AddJob(JobKey job, JobPlan plan) {
  share_.AddJob(job, plan.user);
  jobs_[job] = std::make_unique<JobTasks>(std::move(plan));
}

std::unique_ptr<JobTasks> TaskScheduler::RemoveJob(JobKey job, absl::Time now) {
  const auto it = jobs_.find(job);
  if (it == jobs_.end()) return nullptr;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (it->second->counts(kind).running_attempts == 0) continue;
    for (size_t i = 0; i < it->second->attempts(kind).size(); ++i) {
      const Attempt attempt = it->second->attempts(kind)[i];
      Killed({job, kind, attempt.task, attempt.number}, now);
    }
  }
  std::unique_ptr<JobTasks> tasks = std::move(it->second);
  jobs_.erase(it);
  share_.RemoveJob(job);
  return tasks;
}

const JobTasks* TaskScheduler::job(JobKey job) const {
  const auto it = jobs_.find(job);
  return it == jobs_.end() ? nullptr : it->second.get();
}

void TaskScheduler::ReleaseMaps(JobKey job) {
  if (const auto it = jobs_.find(job); it != jobs_.end()) it->second->ReleaseMaps();
}

void TaskScheduler::RestoreStarted(const AttemptRef& attempt, WorkerKey worker, Locality locality,
                                   absl::Time started) {
  const auto it = jobs_.find(attempt.job);
  if (it == jobs_.end()) return;
  it->second->Start(attempt.kind, attempt.task, worker, locality, started);
  share_.Started(attempt.job);
  const auto [known, added] = workers_.try_emplace(worker);
  if (added) {
    // Not back yet: it has a place in the table so that its slots are counted, and starts nothing.
    known->second.paused = true;
    ++workers_at_[known->second.slots.node];
  }
  ++known->second.running;
  UpdateFree(worker);
}

TaskScheduler::Success TaskScheduler::Succeeded(const AttemptRef& ref, absl::Time now) {
  Success success;
  const auto it = jobs_.find(ref.job);
  if (it == jobs_.end()) return success;
  JobTasks* tasks = it->second.get();
  const Attempt* attempt = tasks->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr) return success;
  const WorkerKey worker = attempt->worker;
  const bool ran = attempt->state == AttemptState::kRunning;
  success.chosen = tasks->Succeed(ref.kind, ref.task, ref.number, now);
  if (ran) {
    FreeSlot(worker, ref.job);
    if (const auto w = workers_.find(worker); w != workers_.end()) w->second.failures_in_a_row = 0;
  }
  if (!success.chosen) return success;
  for (const uint32_t other : tasks->RunningNumbers(ref.kind, ref.task)) {
    const AttemptRef obsolete{ref.job, ref.kind, ref.task, other};
    const Attempt* a = tasks->Find(ref.kind, ref.task, other);
    success.obsolete.push_back({obsolete, a->worker, a->locality});
    Killed(obsolete, now);
  }
  return success;
}

bool TaskScheduler::Failed(const AttemptRef& ref, Fault fault, absl::Time now) {
  const auto it = jobs_.find(ref.job);
  if (it == jobs_.end()) return false;
  const Attempt* attempt = it->second->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr || attempt->state != AttemptState::kRunning) return false;
  const WorkerKey key = attempt->worker;
  const bool too_often = it->second->Fail(ref.kind, ref.task, ref.number, fault, now);
  if (const auto w = workers_.find(key); fault == Fault::kEnvironment && w != workers_.end()) {
    Worker& worker = w->second;
    const int doublings = static_cast<int>(std::min(worker.failures_in_a_row, 16u));
    worker.rests_until =
        now + std::min(options_.first_rest * (1 << doublings), options_.longest_rest);
    ++worker.failures_in_a_row;
  }
  FreeSlot(key, ref.job);
  return too_often;
}

void TaskScheduler::Killed(const AttemptRef& ref, absl::Time now) {
  const auto it = jobs_.find(ref.job);
  if (it == jobs_.end()) return;
  const Attempt* attempt = it->second->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr || attempt->state != AttemptState::kRunning) return;
  const WorkerKey worker = attempt->worker;
  it->second->Kill(ref.kind, ref.task, ref.number, now);
  FreeSlot(worker, ref.job);
}

void TaskScheduler::OutputLost(JobKey job, uint32_t map_task) {
  if (const auto it = jobs_.find(job); it != jobs_.end()) it->second->Lose(map_task);
}

void TaskScheduler::FreeSlot(WorkerKey key, JobKey job) {
  share_.Stopped(job);
  const auto it = workers_.find(key);
  if (it == workers_.end()) return;
  --it->second.running;
  UpdateFree(key);
}

bool TaskScheduler::HasFreeSlot(const Worker& worker) const {
  return !worker.paused && worker.running < worker.slots.slots;
}

void TaskScheduler::UpdateFree(WorkerKey key) {
  if (HasFreeSlot(workers_[key])) {
    free_.insert(key);
  } else {
    free_.erase(key);
  }
}

uint32_t TaskScheduler::running_on(WorkerKey worker) const {
  const auto it = workers_.find(worker);
  return it == workers_.end() ? 0 : it->second.running;
}

uint32_t TaskScheduler::total_slots() const {
  uint32_t total = 0;
  for (const auto& [key, worker] : workers_) total += worker.paused ? 0 : worker.slots.slots;
  return total;
}

absl::Status TaskScheduler::Validate() const {
  absl::flat_hash_map<WorkerKey, uint32_t> running;
  for (const auto& [key, tasks] : jobs_) {
    RETURN_IF_ERROR(Annotate(tasks->Validate(), key.ToString()));
    for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
      for (const Attempt& attempt : tasks->attempts(kind)) {
        if (attempt.state == AttemptState::kRunning) ++running[attempt.worker];
      }
    }
  }
  for (const auto& [key, worker] : workers_) {
    if (worker.running != running[key]) {
      return InternalError("{}: {} attempts run, {} counted", key, running[key], worker.running);
    }
    if (free_.contains(key) != HasFreeSlot(worker)) return InternalError("{}: free set", key);
    running.erase(key);
  }
  for (const auto& [key, count] : running) {
    if (count > 0) return InternalError("{} attempts run on {}, which is not there", count, key);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
