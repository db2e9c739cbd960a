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

void TaskScheduler::SetPaused(WorkerKey key, bool paused) {
  const auto it = workers_.find(key);
  if (it == workers_.end()) return;
  it->second.paused = paused;
  UpdateFree(key);
}

WorkerLoss TaskScheduler::RemoveWorker(WorkerKey key, absl::Time now) {
  const auto it = workers_.find(key);
  if (it == workers_.end()) return {};
  // What it was that took it, nobody can say yet.
  WorkerLoss loss = Undo(key, nullptr, Comeback::kNewProcess, now);
  for (const WorkerLoss::Interrupted& one : loss.interrupted) {
    if (one.why == Stop::kWorkerLost) blamed_[key].push_back(one.attempt);
  }
  --workers_at_[it->second.slots.node];
  free_.erase(key);
  workers_.erase(it);
  return loss;
}

WorkerLoss TaskScheduler::Reconcile(WorkerKey worker, const std::set<AttemptRef>& present,
                                    Comeback how, absl::Time now) {
  return Undo(worker, &present, how, now);
}

std::vector<AttemptRef> TaskScheduler::CameBack(WorkerKey worker, Comeback how) {
  std::vector<AttemptRef> innocent;
  const auto blamed = blamed_.find(worker);
  if (blamed == blamed_.end()) return innocent;
  for (const AttemptRef& ref : blamed->second) {
    if (how == Comeback::kSameProcess && TakeLossBack(ref)) innocent.push_back(ref);
  }
  blamed_.erase(blamed);
  return innocent;
}

bool TaskScheduler::TakeLossBack(const AttemptRef& ref) {
  JobTasks* tasks = FindTasks(ref.job);
  return tasks != nullptr && tasks->TakeLossBack(ref.kind, ref.task, ref.number);
}

// Takes back what `key` ran and held for every job, except what is in `present`.
WorkerLoss TaskScheduler::Undo(WorkerKey key, const std::set<AttemptRef>* present, Comeback how,
                               absl::Time now) {
  WorkerLoss loss;
  const auto gone = [present](const AttemptRef& ref) {
    return present == nullptr || !present->contains(ref);
  };
  for (const AttemptRef& ref : running_.On(key)) {
    if (!gone(ref)) continue;
    const bool died = how == Comeback::kNewProcess && running_.IsConfirmed(ref, key);
    const Stop why = died ? Stop::kWorkerLost : Stop::kKilled;
    loss.interrupted.push_back({ref, why, Killed(ref, why, now)});
  }
  const auto worker = workers_.find(key);
  if (worker == workers_.end()) return loss;
  for (const auto& [job, outputs] : worker->second.outputs) {
    const JobTasks* tasks = FindTasks(job);
    // Outputs matter as long as some reduce may still fetch them.
    if (tasks == nullptr || tasks->AllDone()) continue;
    for (const AttemptRef& ref : OutputsOn(key, job)) {
      if (!gone(ref)) continue;
      OutputLost(job, ref.task, Loss::kWorkerLost);
      loss.lost.push_back(ref);
    }
  }
  return loss;
}

std::vector<AttemptRef> TaskScheduler::OutputsOn(WorkerKey key, JobKey job) const {
  std::vector<AttemptRef> all;
  const JobTasks* tasks = FindTasks(job);
  const auto worker = workers_.find(key);
  if (tasks == nullptr || worker == workers_.end()) return all;
  const auto outputs = worker->second.outputs.find(job);
  if (outputs == worker->second.outputs.end()) return all;
  std::set<uint32_t> seen;
  for (const auto& [task, number] : outputs->second) {
    const Attempt* chosen = tasks->Chosen(TaskKind::kMap, task);
    if (chosen == nullptr || chosen->number != number || chosen->worker != key) continue;
    if (seen.insert(task).second) all.push_back({job, TaskKind::kMap, task, number});
  }
  return all;
}

void TaskScheduler::Unreachable(WorkerKey key, absl::Time now) {
  const auto it = workers_.find(key);
  if (it != workers_.end()) it->second.trust.Unreachable(options_.trust, now);
}

void TaskScheduler::AddJob(JobKey job, std::unique_ptr<JobTasks> tasks) {
  share_.AddJob(job, tasks->user());
  jobs_[job] = std::move(tasks);
}

std::unique_ptr<JobTasks> TaskScheduler::RemoveJob(JobKey job, absl::Time now) {
  const auto it = jobs_.find(job);
  if (it == jobs_.end()) return nullptr;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (it->second->counts(kind).running_attempts == 0) continue;
    for (size_t i = 0; i < it->second->attempts(kind).size(); ++i) {
      const Attempt attempt = it->second->attempts(kind)[i];
      Killed({job, kind, attempt.task, attempt.number}, Stop::kKilled, now);
    }
  }
  std::unique_ptr<JobTasks> tasks = std::move(it->second);
  jobs_.erase(it);
  held_.erase(job);
  share_.RemoveJob(job);
  for (auto& [key, worker] : workers_) {
    worker.outputs.erase(job);
    worker.waiting_since.erase(job);
  }
  for (auto& [key, attempts] : blamed_) {
    std::erase_if(attempts, [job](const AttemptRef& ref) { return ref.job == job; });
  }
  absl::erase_if(blamed_, [](const auto& entry) { return entry.second.empty(); });
  return tasks;
}

const JobTasks* TaskScheduler::job(JobKey job) const { return FindTasks(job); }

JobTasks* TaskScheduler::FindTasks(JobKey job) const {
  const auto it = jobs_.find(job);
  return it == jobs_.end() ? nullptr : it->second.get();
}

const Attempt* TaskScheduler::FindRunning(const AttemptRef& ref) const {
  const JobTasks* tasks = FindTasks(ref.job);
  const Attempt* attempt = tasks == nullptr ? nullptr : tasks->Find(ref.kind, ref.task, ref.number);
  const bool runs = attempt != nullptr && attempt->state == AttemptState::kRunning;
  return runs ? attempt : nullptr;
}

void TaskScheduler::ReleaseMaps(JobKey job) {
  if (JobTasks* tasks = FindTasks(job)) tasks->ReleaseMaps();
}

void TaskScheduler::SetFirstNumber(JobKey job, uint32_t number) {
  if (JobTasks* tasks = FindTasks(job)) tasks->SetFirstNumber(number);
}

bool TaskScheduler::RestoreStarted(const AttemptRef& ref, WorkerKey key, Locality locality,
                                   absl::Time started) {
  JobTasks* tasks = FindTasks(ref.job);
  if (tasks == nullptr || !tasks->Restore(ref.kind, ref.task, ref.number, key, locality, started)) {
    return false;
  }
  const auto [known, added] = workers_.try_emplace(key);
  if (added) {
    // Not back yet: it has a place in the table so that its slots are counted, and starts nothing.
    known->second.paused = true;
    ++workers_at_[known->second.slots.node];
  }
  TakeSlot(key, ref);
  return true;
}

TaskScheduler::Success TaskScheduler::Succeeded(const AttemptRef& ref, absl::Time now) {
  Success success;
  JobTasks* tasks = FindTasks(ref.job);
  const Attempt* attempt = tasks == nullptr ? nullptr : tasks->Find(ref.kind, ref.task, ref.number);
  if (attempt == nullptr) return success;
  const WorkerKey worker = attempt->worker;
  const auto known = workers_.find(worker);
  const bool ran = attempt->state == AttemptState::kRunning;
  success.chosen = tasks->Succeed(ref.kind, ref.task, ref.number, now);
  if (ran) {
    if (known != workers_.end()) known->second.trust.Succeeded();
    FreeSlot(worker, ref);
  }
  if (!success.chosen) return success;
  if (known != workers_.end() && ref.kind == TaskKind::kMap &&
      tasks->counts(TaskKind::kReduce).total > 0) {
    known->second.outputs[ref.job].emplace_back(ref.task, ref.number);
  }
  for (const uint32_t other : tasks->RunningNumbers(ref.kind, ref.task)) {
    const AttemptRef obsolete{ref.job, ref.kind, ref.task, other};
    const Attempt* a = tasks->Find(ref.kind, ref.task, other);
    success.obsolete.push_back({obsolete, a->worker, a->locality});
    Killed(obsolete, Stop::kKilled, now);
  }
  return success;
}

bool TaskScheduler::Failed(const AttemptRef& ref, Fault fault, absl::Time now) {
  const Attempt* attempt = FindRunning(ref);
  if (attempt == nullptr) return false;
  const WorkerKey worker = attempt->worker;
  const bool too_often = FindTasks(ref.job)->Fail(ref.kind, ref.task, ref.number, fault, now);
  if (const auto it = workers_.find(worker); it != workers_.end()) {
    it->second.trust.Failed(fault, options_.trust, now);
  }
  FreeSlot(worker, ref);
  return too_often;
}

bool TaskScheduler::Killed(const AttemptRef& ref, Stop why, absl::Time now) {
  const Attempt* attempt = FindRunning(ref);
  if (attempt == nullptr) return false;
  const WorkerKey worker = attempt->worker;
  const bool too_often = FindTasks(ref.job)->Kill(ref.kind, ref.task, ref.number, why, now);
  FreeSlot(worker, ref);
  return too_often;
}

bool TaskScheduler::OutputLost(JobKey job, uint32_t map_task, Loss why) {
  JobTasks* tasks = FindTasks(job);
  return tasks != nullptr && tasks->Lose(map_task, why);
}

void TaskScheduler::Progress(const AttemptRef& ref, double fraction, absl::Time now) {
  const Attempt* attempt = FindRunning(ref);
  if (attempt == nullptr) return;
  running_.Heard(ref, attempt->worker, now);
  FindTasks(ref.job)->Progress(ref.kind, ref.task, fraction);
}

void TaskScheduler::TakeSlot(WorkerKey key, const AttemptRef& ref) {
  share_.Started(ref.job);
  running_.Add(ref, key);
  UpdateFree(key);
}

void TaskScheduler::FreeSlot(WorkerKey key, const AttemptRef& ref) {
  share_.Stopped(ref.job);
  running_.Remove(ref, key);
  if (workers_.contains(key)) UpdateFree(key);
}

uint32_t TaskScheduler::UsableSlots(const Worker& worker) {
  return worker.trust.on_probation() ? std::min(worker.slots.slots, 1u) : worker.slots.slots;
}

bool TaskScheduler::HasFreeSlot(WorkerKey key, const Worker& worker) const {
  return !worker.paused && running_.count(key) < UsableSlots(worker);
}

void TaskScheduler::UpdateFree(WorkerKey key) {
  if (HasFreeSlot(key, workers_[key])) {
    free_.insert(key);
  } else {
    free_.erase(key);
  }
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
    if (running_.count(key) != running[key]) {
      return InternalError("{}: {} attempts run, {} counted", key, running[key],
                           running_.count(key));
    }
    if (free_.contains(key) != HasFreeSlot(key, worker)) return InternalError("{}: free set", key);
    running.erase(key);
  }
  for (const auto& [key, count] : running) {
    if (count > 0) return InternalError("{} attempts run on {}, which is not there", count, key);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
