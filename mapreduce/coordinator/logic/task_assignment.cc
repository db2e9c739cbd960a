// The half of TaskScheduler that chooses: which task for which free slot.
#include <algorithm>
#include <utility>

#include "mapreduce/coordinator/logic/task_scheduler.h"

namespace quern::mr {

Assignments TaskScheduler::Assign(absl::Time now) {
  Assignments out;
  next_wake_ = absl::InfiniteFuture();
  for (const Reach reach : {Reach::kOwnData, Reach::kAnyData}) {
    // Rounds of at most one task per worker, the idlest first, spread a small job over all
    // machines.
    bool again = true;
    while (again) {
      again = false;
      for (const WorkerKey worker : FreeWorkers(now)) {
        if (out.started.size() >= options_.max_starts) {
          next_wake_ = now;
          return out;
        }
        if (TryWorker(worker, reach, now, &out)) again = true;
      }
    }
  }
  PreemptReduces(now, &out);
  // What was stopped may have another slot.
  if (!out.preempted.empty()) next_wake_ = now;
  return out;
}

std::vector<WorkerKey> TaskScheduler::FreeWorkers(absl::Time now) {
  std::vector<WorkerKey> free;
  bool work = false;
  for (const auto& [key, tasks] : jobs_) {
    for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
      work = work || tasks->Startable(kind) != nullptr;
    }
  }
  if (!work) return free;
  for (const WorkerKey key : free_) {
    const absl::Time rests_until = workers_[key].trust.rests_until();
    if (rests_until > now) {
      next_wake_ = std::min(next_wake_, rests_until);
    } else {
      free.push_back(key);
    }
  }
  std::stable_sort(free.begin(), free.end(), [this](WorkerKey a, WorkerKey b) {
    return running_.count(a) < running_.count(b);
  });
  return free;
}

bool TaskScheduler::TryWorker(WorkerKey key, Reach reach, absl::Time now, Assignments* out) {
  if (!free_.contains(key)) return false;
  for (const JobKey job : share_.Order()) {
    if (IsHeld(job)) continue;
    JobTasks* tasks = jobs_[job].get();
    const std::optional<Choice> choice =
        reach == Reach::kOwnData ? ChooseOwn(key, tasks, now) : ChooseAny(key, job, tasks, now);
    if (!choice) continue;
    Start(key, job, *choice, now, out);
    return true;
  }
  return false;
}

bool TaskScheduler::Rests(const JobTasks& tasks, TaskKind kind, uint32_t task, absl::Time now) {
  const absl::Time until = tasks.RestsUntil(kind, task);
  if (until <= now) return false;
  next_wake_ = std::min(next_wake_, until);
  return true;
}

// The task rests, or failed here and somebody else could try.
bool TaskScheduler::ShouldPass(WorkerKey key, const JobTasks& tasks, TaskKind kind, uint32_t task,
                               absl::Time now) {
  if (Rests(tasks, kind, task, now)) return true;
  const absl::Time until = tasks.AvoidsUntil(kind, task, key);
  if (until <= now) return false;
  const bool others = std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
    const Worker& other = entry.second;
    return entry.first != key && !other.paused && other.trust.rests_until() <= now &&
           tasks.AvoidsUntil(kind, task, entry.first) <= now;
  });
  if (others) next_wake_ = std::min(next_wake_, until);
  return others;
}

// A task whose data lies on the worker's machine, or nowhere in particular.
std::optional<TaskScheduler::Choice> TaskScheduler::ChooseOwn(WorkerKey key, JobTasks* tasks,
                                                              absl::Time now) {
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    LocalityQueue* queue = tasks->Startable(kind);
    if (queue == nullptr) continue;
    const auto pass = [&](uint32_t task) { return ShouldPass(key, *tasks, kind, task, now); };
    if (const auto task = queue->FirstAt(workers_[key].slots.node, pass)) {
      return Choice{kind, *task, Locality::kNode};
    }
    if (const auto task = queue->FirstWithoutPlace(pass)) {
      return Choice{kind, *task, Locality::kAny};
    }
  }
  return std::nullopt;
}

std::optional<TaskScheduler::Choice> TaskScheduler::ChooseAny(WorkerKey key, JobKey job,
                                                              JobTasks* tasks, absl::Time now) {
  Worker* worker = &workers_[key];
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap}) {
    LocalityQueue* queue = tasks->Startable(kind);
    if (queue == nullptr) continue;
    const auto pass = [&](uint32_t task) { return ShouldPass(key, *tasks, kind, task, now); };
    if (const auto task = queue->FirstAt(worker->slots.rack, pass);
        task && MayTake(worker, job, queue->places(*task), now)) {
      return Choice{kind, *task, Locality::kRack};
    }
    if (const auto task = queue->First(pass);
        task && MayTake(worker, job, queue->places(*task), now)) {
      return Choice{kind, *task, Locality::kAny};
    }
  }
  return std::nullopt;
}

bool TaskScheduler::MayTake(Worker* worker, JobKey job, const TaskPlaces& places, absl::Time now) {
  const bool somebody_has_it =
      std::any_of(places.nodes.begin(), places.nodes.end(), [this](PlaceId node) {
        const auto it = workers_at_.find(node);
        return it != workers_at_.end() && it->second > 0;
      });
  if (!somebody_has_it) return true;
  const absl::Time since = worker->waiting_since.try_emplace(job, now).first->second;
  const absl::Time until = since + options_.locality_wait;
  if (now >= until) return true;
  next_wake_ = std::min(next_wake_, until);
  return false;
}

bool TaskScheduler::IsIdle(JobKey job) const {
  JobTasks* tasks = FindTasks(job);
  if (tasks == nullptr) return false;
  bool work = false;
  for (const TaskKind kind : {TaskKind::kSample, TaskKind::kMap, TaskKind::kReduce}) {
    if (tasks->counts(kind).running_attempts > 0) return false;
    work = work || tasks->Startable(kind) != nullptr;
  }
  return work;
}

IdleJob TaskScheduler::WhyNoneStarts(absl::Time now) const {
  IdleJob idle{.why = IdleJob::Why::kNoWorker};
  for (const auto& [key, worker] : workers_) {
    if (worker.paused) continue;
    const absl::Time rests_until = worker.trust.rests_until();
    if (rests_until <= now && free_.contains(key)) return {};
    if (rests_until <= now) idle.why = IdleJob::Why::kBusy;
    if (idle.why == IdleJob::Why::kNoWorker) idle.why = IdleJob::Why::kResting;
    idle.until = std::min(idle.until, std::max(rests_until, now));
  }
  return idle;
}

void TaskScheduler::Start(WorkerKey key, JobKey job, const Choice& choice, absl::Time now,
                          Assignments* out) {
  const uint32_t number = jobs_[job]->Start(choice.kind, choice.task, key, choice.locality, now);
  const AttemptRef attempt{job, choice.kind, choice.task, number};
  // Having found own data again, it may wait for more of it.
  if (choice.locality == Locality::kNode) workers_[key].waiting_since.erase(job);
  TakeSlot(key, attempt);
  out->started.push_back({attempt, key, choice.locality});
}

// A waiting map that may start, on whatever worker.
std::optional<uint32_t> TaskScheduler::FirstMap(JobTasks* tasks, LocalityQueue::Skip skip,
                                                absl::Time now) {
  LocalityQueue* queue = tasks->Startable(TaskKind::kMap);
  if (queue == nullptr) return std::nullopt;
  return queue->First(
      [&](uint32_t task) { return skip(task) || Rests(*tasks, TaskKind::kMap, task, now); });
}

// Maps that must run again and that nobody takes would wait for ever: the reduces that hold the
// other slots wait for them. Up to half of the job's slots are taken back, the newest reduces
// first.
void TaskScheduler::PreemptReduces(absl::Time now, Assignments* out) {
  for (const auto& [job, tasks] : jobs_) {
    const uint32_t reducing = tasks->counts(TaskKind::kReduce).running_attempts;
    if (reducing == 0 || IsHeld(job)) continue;
    const uint32_t most = std::max(reducing / 2, 1u);
    for (uint32_t room = most; room > 0; --room) {
      if (tasks->counts(TaskKind::kMap).running_attempts >= most) break;
      if (!FirstMap(tasks.get(), LocalityQueue::SkipNone, now)) break;
      if (MapIsTakenSoon(tasks.get(), now) || !MakeRoom(job, tasks.get(), now, out)) break;
    }
  }
}

// A free slot is no help when its worker rests for long, or leaves the maps to others for good.
bool TaskScheduler::MapIsTakenSoon(JobTasks* tasks, absl::Time now) {
  const absl::Time soon = now + JobTasks::kRetryElsewhere;
  return std::any_of(free_.begin(), free_.end(), [&](WorkerKey key) {
    if (workers_.at(key).trust.rests_until() > soon) return false;
    const auto avoids = [&](uint32_t task) {
      return tasks->AvoidsUntil(TaskKind::kMap, task, key) > soon;
    };
    return FirstMap(tasks, avoids, now).has_value();
  });
}

// The newest reduce whose slot can be used; `map` is what could run there, if there is one that did
// not fail there. Null when no slot of the job can be used now.
const Attempt* TaskScheduler::ChooseVictim(JobTasks* tasks, absl::Time now,
                                           std::optional<uint32_t>* map) {
  const Attempt* any = nullptr;
  const std::vector<Attempt>& reduces = tasks->attempts(TaskKind::kReduce);
  for (auto reduce = reduces.rbegin(); reduce != reduces.rend(); ++reduce) {
    if (reduce->state != AttemptState::kRunning) continue;
    const WorkerKey key = reduce->worker;
    const Worker& worker = workers_.at(key);
    if (worker.paused) continue;
    if (const absl::Time until = worker.trust.rests_until(); until > now) {
      next_wake_ = std::min(next_wake_, until);
      continue;
    }
    if (any == nullptr) any = &*reduce;
    if (running_.count(key) > UsableSlots(worker)) continue;  // one slot less helps nobody yet
    const auto avoids = [&](uint32_t task) {
      return tasks->AvoidsUntil(TaskKind::kMap, task, key) > now;
    };
    *map = FirstMap(tasks, avoids, now);
    if (map->has_value()) return &*reduce;
  }
  return any;
}

// Finds a slot for a map of the job that nobody takes; false when none can be had now.
bool TaskScheduler::MakeRoom(JobKey job, JobTasks* tasks, absl::Time now, Assignments* out) {
  std::optional<uint32_t> map;
  const Attempt* reduce = ChooseVictim(tasks, now, &map);
  if (reduce == nullptr) return false;
  if (!map.has_value()) {
    // It failed wherever the job has slots: then in the same place as well, if that costs nothing.
    map = FirstMap(tasks, LocalityQueue::SkipNone, now);
    const auto idle = std::find_if(free_.begin(), free_.end(), [&](WorkerKey key) {
      return workers_.at(key).trust.rests_until() <= now;
    });
    if (idle != free_.end()) {
      Start(*idle, job, {TaskKind::kMap, *map, Locality::kAny}, now, out);
      return true;
    }
  }
  const Attempt victim = *reduce;
  const AttemptRef ref{job, TaskKind::kReduce, victim.task, victim.number};
  out->preempted.push_back({ref, victim.worker, victim.locality});
  Killed(ref, Stop::kKilled, now);
  // The slot goes to the map at once: otherwise an older job could take it, and this one would
  // lose its reduces for nothing.
  if (free_.contains(victim.worker)) {
    Start(victim.worker, job, {TaskKind::kMap, *map, Locality::kAny}, now, out);
  }
  return true;
}

}  // namespace quern::mr
