#include "mapreduce/coordinator/logic/job_tasks.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace quern::mr {

JobTasks::JobTasks(JobPlan plan)
    : user_(std::move(plan.user)),
      max_failures_(std::max(plan.max_failures, 1u)),
      maps_released_(plan.samples.empty()) {
  const auto fill = [](TaskList* tasks, std::vector<TaskPlaces> places) {
    tasks->tasks.resize(places.size());
    tasks->counts.total = tasks->counts.waiting = static_cast<uint32_t>(places.size());
    tasks->queue = LocalityQueue(std::move(places));
  };
  fill(&list(TaskKind::kSample), std::move(plan.samples));
  fill(&list(TaskKind::kMap), std::move(plan.maps));
  fill(&list(TaskKind::kReduce), std::vector<TaskPlaces>(plan.reduces));
}

const Attempt* JobTasks::Find(TaskKind kind, uint32_t task, uint32_t number) const {
  const TaskList& tasks = list(kind);
  if (task >= tasks.tasks.size()) return nullptr;
  uint32_t index = tasks.tasks[task].newest;
  while (index != Attempt::kNone && tasks.attempts[index].number != number) {
    index = tasks.attempts[index].previous;
  }
  return index == Attempt::kNone ? nullptr : &tasks.attempts[index];
}

Attempt* JobTasks::FindMutable(TaskKind kind, uint32_t task, uint32_t number) {
  return const_cast<Attempt*>(Find(kind, task, number));
}

const Attempt* JobTasks::Chosen(TaskKind kind, uint32_t task) const {
  const uint32_t index = list(kind).tasks[task].chosen;
  return index == Attempt::kNone ? nullptr : &list(kind).attempts[index];
}

const Attempt* JobTasks::Newest(TaskKind kind, uint32_t task) const {
  const uint32_t index = list(kind).tasks[task].newest;
  return index == Attempt::kNone ? nullptr : &list(kind).attempts[index];
}

std::vector<uint32_t> JobTasks::RunningNumbers(TaskKind kind, uint32_t task) const {
  std::vector<uint32_t> numbers;
  const TaskList& tasks = list(kind);
  for (uint32_t i = tasks.tasks[task].newest; i != Attempt::kNone; i = tasks.attempts[i].previous) {
    if (tasks.attempts[i].state == AttemptState::kRunning) {
      numbers.push_back(tasks.attempts[i].number);
    }
  }
  return numbers;
}

LocalityQueue* JobTasks::Startable(TaskKind kind) {
  TaskList& tasks = list(kind);
  if (tasks.counts.waiting == 0) return nullptr;
  if (kind == TaskKind::kMap && !maps_released_) return nullptr;
  if (kind == TaskKind::kReduce && !MapsMostlyDone()) return nullptr;
  return &tasks.queue;
}

// Reducers start while the last maps run, so that fetching overlaps with mapping, but never take a
// slot that a map could have.
bool JobTasks::MapsMostlyDone() const {
  const TaskCounts& maps = counts(TaskKind::kMap);
  if (!maps_released_ || maps.waiting > 0) return false;
  return maps.total - maps.done <= std::max(maps.total / 4, 1u);
}

bool JobTasks::AllDone() const {
  const TaskCounts& maps = counts(TaskKind::kMap);
  const TaskCounts& reduces = counts(TaskKind::kReduce);
  if (reduces.total == 0) return maps.done == maps.total;
  // Outputs of maps may be lost again after the last reduce has ended: nobody needs them. But a
  // coordinator that has just started may hear of the reduces before it hears of the maps.
  return reduces.done == reduces.total && list(TaskKind::kMap).known == maps.total;
}

absl::Time JobTasks::AvoidsUntil(TaskKind kind, uint32_t task, WorkerKey worker) const {
  const TaskList& tasks = list(kind);
  absl::Time until = absl::InfinitePast();
  for (uint32_t i = tasks.tasks[task].newest; i != Attempt::kNone; i = tasks.attempts[i].previous) {
    const Attempt& attempt = tasks.attempts[i];
    if (attempt.worker != worker) continue;
    if (attempt.unreachable) return absl::InfiniteFuture();
    if (attempt.state != AttemptState::kFailed) continue;
    until = std::max(until, attempt.finished + kRetryElsewhere);
  }
  return until;
}

absl::Time JobTasks::RestsUntil(TaskKind kind, uint32_t task) const {
  if (list(kind).tasks[task].around.count < kMaxEnvironmentFailures) {
    return absl::InfinitePast();
  }
  return Newest(kind, task)->finished + kEnvironmentRest;
}

TaskFailures JobTasks::Retrying(TaskKind kind, uint32_t task, absl::Time now) const {
  const TaskList& tasks = list(kind);
  if (task >= tasks.tasks.size() || tasks.tasks[task].chosen != Attempt::kNone) return {};
  TaskFailures failures;
  std::set<WorkerKey> workers;
  for (uint32_t a = tasks.tasks[task].newest; a != Attempt::kNone; a = tasks.attempts[a].previous) {
    const Attempt& attempt = tasks.attempts[a];
    if (attempt.state == AttemptState::kRunning && now - attempt.started >= kSettled) return {};
    if (attempt.state != AttemptState::kFailed) continue;
    ++failures.attempts;
    failures.since = std::min(failures.since, attempt.finished);
    workers.insert(attempt.worker);
  }
  failures.workers = static_cast<uint32_t>(workers.size());
  return failures;
}

uint32_t JobTasks::Start(TaskKind kind, uint32_t task, WorkerKey worker, Locality locality,
                         absl::Time now) {
  Attempt attempt;
  attempt.task = task;
  attempt.number = std::max(list(kind).tasks[task].next_number, first_number_);
  attempt.worker = worker;
  attempt.locality = locality;
  attempt.started = now;
  AddAttempt(&list(kind), attempt);
  return attempt.number;
}

bool JobTasks::Restore(TaskKind kind, uint32_t task, uint32_t number, WorkerKey worker,
                       Locality locality, absl::Time started) {
  if (task >= list(kind).tasks.size() || Find(kind, task, number) != nullptr) return false;
  Attempt attempt;
  attempt.task = task;
  attempt.number = number;
  attempt.worker = worker;
  attempt.locality = locality;
  attempt.started = started;
  AddAttempt(&list(kind), attempt);
  return true;
}

void JobTasks::AddAttempt(TaskList* tasks, Attempt attempt) {
  Task& t = tasks->tasks[attempt.task];
  attempt.previous = t.newest;
  t.newest = static_cast<uint32_t>(tasks->attempts.size());
  t.next_number = std::max(t.next_number, attempt.number + 1);
  ++t.running;
  tasks->attempts.push_back(attempt);
  tasks->queue.Remove(attempt.task);
  tasks->counts.waiting = tasks->queue.waiting_count();
  ++tasks->counts.running_attempts;
  ++tasks->counts.started[static_cast<size_t>(attempt.locality)];
}

void JobTasks::Progress(TaskKind kind, uint32_t task, double fraction) {
  if (task < list(kind).tasks.size()) SetFurthest(&list(kind), task, fraction);
}

void JobTasks::SetFurthest(TaskList* tasks, uint32_t task, double fraction) {
  float& furthest = tasks->tasks[task].furthest;
  // A fraction that is not a number is none.
  if (!(fraction > furthest)) return;
  const float now = static_cast<float>(std::min(fraction, 1.0));
  tasks->counts.progress += static_cast<double>(now) - static_cast<double>(furthest);
  furthest = now;
}

bool JobTasks::Succeed(TaskKind kind, uint32_t task, uint32_t number, absl::Time now) {
  Attempt* attempt = FindMutable(kind, task, number);
  if (attempt == nullptr || attempt->state == AttemptState::kFailed || attempt->unreachable) {
    return false;
  }
  TaskList& tasks = list(kind);
  Task& t = tasks.tasks[task];
  if (t.chosen != Attempt::kNone) {
    // Too late: another attempt is the task's.
    StopRunning(&tasks, attempt, AttemptState::kKilled, now);
    return false;
  }
  StopRunning(&tasks, attempt, AttemptState::kSucceeded, now);
  attempt->state = AttemptState::kSucceeded;
  attempt->finished = std::min(attempt->finished, now);
  t.chosen = static_cast<uint32_t>(attempt - tasks.attempts.data());
  ++tasks.counts.done;
  if (!t.known) ++tasks.known;
  t.known = true;
  t.around = t.around_settled = {};
  SetFurthest(&tasks, task, 1);
  tasks.queue.Remove(task);
  tasks.counts.waiting = tasks.queue.waiting_count();
  return true;
}

bool JobTasks::Fail(TaskKind kind, uint32_t task, uint32_t number, Fault fault, absl::Time now) {
  Attempt* attempt = FindMutable(kind, task, number);
  if (attempt == nullptr || attempt->state != AttemptState::kRunning) return false;
  TaskList& tasks = list(kind);
  const bool too_often = CountFailure(&tasks.tasks[task], *attempt, fault, now);
  ++tasks.counts.failed_attempts;
  StopRunning(&tasks, attempt, AttemptState::kFailed, now);
  WaitIfIdle(&tasks, task);
  return too_often;
}

bool JobTasks::CountFailure(Task* t, const Attempt& attempt, Fault fault, absl::Time now) const {
  if (fault == Fault::kEnvironment || fault == Fault::kWorker) {
    const bool settled = now - attempt.started >= kSettled;
    if (settled) t->around = t->around_settled;  // the quick ones before it are over
    t->around.Add(now);
    if (settled) t->around_settled = t->around;
    return t->around.count >= kMaxEnvironmentFailures &&
           now - t->around.since >= kEnvironmentPatience;
  }
  // The environment let it get as far as that.
  t->around = t->around_settled = {};
  if (fault == Fault::kUserCodeForGood) return true;
  if (fault == Fault::kBadRecord) {
    if (t->failures > 0) --t->failures;
    return false;
  }
  return ++t->failures >= max_failures_;
}

bool JobTasks::Kill(TaskKind kind, uint32_t task, uint32_t number, Stop why, absl::Time now) {
  Attempt* attempt = FindMutable(kind, task, number);
  if (attempt == nullptr || attempt->state != AttemptState::kRunning) return false;
  Task& t = list(kind).tasks[task];
  attempt->worker_lost = why == Stop::kWorkerLost;
  if (attempt->worker_lost) ++t.worker_losses;
  StopRunning(&list(kind), attempt, AttemptState::kKilled, now);
  WaitIfIdle(&list(kind), task);
  return t.worker_losses >= kMaxWorkerLosses;
}

bool JobTasks::TakeLossBack(TaskKind kind, uint32_t task, uint32_t number) {
  Attempt* attempt = FindMutable(kind, task, number);
  if (attempt == nullptr || !attempt->worker_lost) return false;
  attempt->worker_lost = false;
  --list(kind).tasks[task].worker_losses;
  return true;
}

bool JobTasks::Lose(uint32_t map_task, Loss why) {
  TaskList& maps = list(TaskKind::kMap);
  if (map_task >= maps.tasks.size()) return false;
  Task& t = maps.tasks[map_task];
  if (t.chosen == Attempt::kNone) return false;
  Attempt& attempt = maps.attempts[t.chosen];
  attempt.state = AttemptState::kLost;
  attempt.unreachable = why == Loss::kUnreachable;
  if (attempt.unreachable) ++t.unreachable;
  t.chosen = Attempt::kNone;
  --maps.counts.done;
  ++maps.counts.reruns;
  WaitIfIdle(&maps, map_task);
  return t.unreachable >= kMaxUnreachable;
}

void JobTasks::StopRunning(TaskList* tasks, Attempt* attempt, AttemptState state, absl::Time now) {
  if (attempt->state != AttemptState::kRunning) return;
  attempt->state = state;
  attempt->finished = now;
  --tasks->tasks[attempt->task].running;
  --tasks->counts.running_attempts;
}

void JobTasks::WaitIfIdle(TaskList* tasks, uint32_t task) {
  const Task& t = tasks->tasks[task];
  if (t.chosen != Attempt::kNone || t.running > 0) return;
  tasks->queue.PutFirst(task);
  tasks->counts.waiting = tasks->queue.waiting_count();
}

absl::Status JobTasks::Validate() const {
  for (const TaskList& tasks : lists_) RETURN_IF_ERROR(ValidateList(tasks));
  return absl::OkStatus();
}

absl::Status JobTasks::ValidateList(const TaskList& tasks) {
  uint32_t done = 0;
  uint32_t waiting = 0;
  uint32_t running = 0;
  double progress = 0;
  for (uint32_t i = 0; i < tasks.tasks.size(); ++i) {
    const Task& task = tasks.tasks[i];
    uint32_t own_running = 0;
    std::set<uint32_t> numbers;
    for (uint32_t a = task.newest; a != Attempt::kNone; a = tasks.attempts[a].previous) {
      const Attempt& attempt = tasks.attempts[a];
      if (attempt.task != i) return InternalError("task {} has an attempt of {}", i, attempt.task);
      if (attempt.number >= task.next_number || !numbers.insert(attempt.number).second) {
        return InternalError("task {}: a second attempt {}", i, attempt.number);
      }
      if (attempt.state == AttemptState::kRunning) ++own_running;
      if ((attempt.state == AttemptState::kSucceeded) != (a == task.chosen)) {
        return InternalError("task {} attempt {}: succeeded but not chosen", i, attempt.number);
      }
    }
    const bool is_done = task.chosen != Attempt::kNone;
    if (own_running != task.running) return InternalError("task {}: running count", i);
    if (tasks.queue.waiting(i) != (!is_done && own_running == 0)) {
      return InternalError("task {}: done {}, running {}, waiting {}", i, is_done, own_running,
                           tasks.queue.waiting(i));
    }
    done += is_done ? 1 : 0;
    waiting += tasks.queue.waiting(i) ? 1 : 0;
    running += own_running;
    progress += static_cast<double>(task.furthest);
  }
  const TaskCounts& counts = tasks.counts;
  if (counts.done != done || counts.waiting != waiting || counts.running_attempts != running) {
    return InternalError("counts: done {}/{}, waiting {}/{}, running {}/{}", counts.done, done,
                         counts.waiting, waiting, counts.running_attempts, running);
  }
  if (std::abs(counts.progress - progress) > 1e-3) {
    return InternalError("progress {}, counted {}", progress, counts.progress);
  }
  return absl::OkStatus();
}

}  // namespace quern::mr
