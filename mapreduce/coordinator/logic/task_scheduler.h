// Gives waiting tasks of all jobs to free slots of all workers.
//
// Driven by events; Assign then says what to start. Rules, in the order in which they count:
//  - jobs in the order of FairShare; within a job samples, then maps, then reduces;
//  - a map goes to a machine that holds its data, else its rack, else anywhere. A free worker
//    without data waits `locality_wait` before it takes such a task, once per job and only while
//    some machine with the data is at work: the wait never leaves the cluster idle for long;
//  - reduces never take a slot from a map of their job; when maps have to run again and no free
//    worker takes them within seconds, some reduces are killed (not failed);
//  - a task that failed runs on another worker next, if one is to be had within seconds; one that
//    fails again and again through no fault of the user's rests between its attempts;
//  - workers that cannot be relied on rest for a while (worker_trust.h).
// A decision costs O(jobs + log workers); a lost worker what it ran and holds. No locks; `now` is
// an argument.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/logic/fair_share.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/job_tasks.h"
#include "mapreduce/coordinator/logic/running_attempts.h"
#include "mapreduce/coordinator/logic/worker_trust.h"

namespace quern::mr {

struct WorkerSlots {
  PlaceId node;
  PlaceId rack;
  uint32_t slots = 0;
};

struct Placed {
  AttemptRef attempt;
  WorkerKey worker;
  Locality locality = Locality::kAny;
};

struct Assignments {
  std::vector<Placed> started;
  std::vector<Placed> preempted;  // killed to make room for maps
};

// How a worker comes back.
enum class Comeback {
  kSameProcess,  // it was out of reach; what it does not have never came to it
  kNewProcess,   // the one before has died
};

// What the loss of a worker undid.
struct WorkerLoss {
  struct Interrupted {
    AttemptRef attempt;
    // kWorkerLost counts against the task; not when the worker has not been back since a restart of
    // the coordinator, or its process lives.
    Stop why = Stop::kKilled;
    bool fatal = false;  // too many workers have died under its task
  };
  std::vector<Interrupted> interrupted;  // were running; their tasks wait again where needed
  std::vector<AttemptRef> lost;          // chosen map outputs; their tasks wait again
};

// Why nothing of a job runs although tasks of it wait.
struct IdleJob {
  enum class Why {
    kNotIdle,   // something runs, nothing waits, or a task starts in a moment
    kNoWorker,  // none that takes tasks
    kResting,   // all that take tasks rest, the first until `until`
    kBusy,      // every slot has an attempt of another job
  };
  Why why = Why::kNotIdle;
  absl::Time until = absl::InfiniteFuture();
};

class TaskScheduler {
 public:
  struct Options {
    absl::Duration locality_wait = absl::Milliseconds(100);
    WorkerTrust::Options trust;
    // Attempts that one Assign starts at most; the next one is due at once.
    size_t max_starts = 500;
  };
  TaskScheduler() = default;
  explicit TaskScheduler(Options options) : options_(options) {}

  // Workers. Setting one that exists changes its place and slots and ends its pause.
  void SetWorker(WorkerKey worker, const WorkerSlots& slots);
  // Starts nothing on it until ResumeWorker or SetWorker; what runs there goes on.
  void PauseWorker(WorkerKey worker) { SetPaused(worker, true); }
  void ResumeWorker(WorkerKey worker) { SetPaused(worker, false); }
  WorkerLoss RemoveWorker(WorkerKey worker, absl::Time now);
  // A worker says what it has: everything else that should be there is undone like in RemoveWorker.
  WorkerLoss Reconcile(WorkerKey worker, const std::set<AttemptRef>& present, Comeback how,
                       absl::Time now);
  // It is back. The attempts for whose tasks its loss does not count after all.
  std::vector<AttemptRef> CameBack(WorkerKey worker, Comeback how);
  bool TakeLossBack(const AttemptRef& attempt);

  // Its map outputs cannot be fetched: it rests.
  void Unreachable(WorkerKey worker, absl::Time now);

  // Jobs. A plan of 200,000 tasks takes a while to be turned into tasks: that can be done before.
  void AddJob(JobKey job, std::unique_ptr<JobTasks> tasks);
  void AddJob(JobKey job, JobPlan plan) {
    AddJob(job, std::make_unique<JobTasks>(std::move(plan)));
  }
  // Frees its slots and hands over its tasks; null when there is no such job.
  std::unique_ptr<JobTasks> RemoveJob(JobKey job, absl::Time now);
  // Null when there is no such job.
  const JobTasks* job(JobKey job) const;
  void ReleaseMaps(JobKey job);
  // Nothing of it starts until Release; what runs goes on.
  void Hold(JobKey job) { held_.insert(job); }
  void Release(JobKey job) { held_.erase(job); }
  bool IsHeld(JobKey job) const { return held_.contains(job); }

  // An attempt that the journal or its worker names and that was not known: it runs. False when its
  // job or task does not exist, or it is known.
  bool RestoreStarted(const AttemptRef& attempt, WorkerKey worker, Locality locality,
                      absl::Time started);
  void SetFirstNumber(JobKey job, uint32_t number);

  // Attempts. Unknown ones, and ones of unknown jobs, are ignored.
  struct Success {
    bool chosen = false;
    std::vector<Placed> obsolete;  // other attempts of the task that ran; now killed
  };
  Success Succeeded(const AttemptRef& attempt, absl::Time now);
  // These return true when that has happened to the task too often: the job cannot succeed.
  bool Failed(const AttemptRef& attempt, Fault fault, absl::Time now);
  bool Killed(const AttemptRef& attempt, Stop why, absl::Time now);
  // The chosen output of a map task is gone.
  bool OutputLost(JobKey job, uint32_t map_task, Loss why);
  void Progress(const AttemptRef& attempt, double fraction, absl::Time now);
  // Chosen outputs of a job on one worker.
  std::vector<AttemptRef> OutputsOn(WorkerKey worker, JobKey job) const;

  Assignments Assign(absl::Time now);
  // When Assign may find more to do although nothing has happened.
  absl::Time NextWake() const { return next_wake_; }

  // Nothing of the job runs although tasks of it wait.
  bool IsIdle(JobKey job) const;
  // Of all idle jobs, why no worker takes a task of theirs. Costs O(workers).
  IdleJob WhyNoneStarts(absl::Time now) const;

  RunningAttempts* running() { return &running_; }
  const RunningAttempts& running() const { return running_; }
  uint32_t running_on(WorkerKey worker) const { return running_.count(worker); }
  // It takes nothing before.
  absl::Time rests_until(WorkerKey worker) const {
    const auto it = workers_.find(worker);
    return it == workers_.end() ? absl::InfinitePast() : it->second.trust.rests_until();
  }
  uint32_t total_slots() const;
  absl::Status Validate() const;

 private:
  struct Worker {
    WorkerSlots slots;
    // Outputs of maps that succeeded here, by job; some may have been given up since.
    std::map<JobKey, std::vector<std::pair<uint32_t, uint32_t>>> outputs;  // task, number
    bool paused = false;
    // Since when it could have run a task of the job that lies elsewhere.
    std::map<JobKey, absl::Time> waiting_since;
    WorkerTrust trust;
  };
  enum class Reach { kOwnData, kAnyData };
  struct Choice {
    TaskKind kind = TaskKind::kMap;
    uint32_t task = 0;
    Locality locality = Locality::kAny;
  };

  // Null when there is none.
  JobTasks* FindTasks(JobKey job) const;
  const Attempt* FindRunning(const AttemptRef& attempt) const;
  static uint32_t UsableSlots(const Worker& worker);
  bool HasFreeSlot(WorkerKey key, const Worker& worker) const;
  void SetPaused(WorkerKey key, bool paused);
  void UpdateFree(WorkerKey key);
  std::vector<WorkerKey> FreeWorkers(absl::Time now);
  bool TryWorker(WorkerKey key, Reach reach, absl::Time now, Assignments* out);
  std::optional<Choice> ChooseOwn(WorkerKey key, JobTasks* tasks, absl::Time now);
  std::optional<Choice> ChooseAny(WorkerKey key, JobKey job, JobTasks* tasks, absl::Time now);
  bool Rests(const JobTasks& tasks, TaskKind kind, uint32_t task, absl::Time now);
  bool ShouldPass(WorkerKey key, const JobTasks& tasks, TaskKind kind, uint32_t task,
                  absl::Time now);
  bool MayTake(Worker* worker, JobKey job, const TaskPlaces& places, absl::Time now);
  void Start(WorkerKey key, JobKey job, const Choice& choice, absl::Time now, Assignments* out);
  void PreemptReduces(absl::Time now, Assignments* out);
  std::optional<uint32_t> FirstMap(JobTasks* tasks, LocalityQueue::Skip skip, absl::Time now);
  bool MapIsTakenSoon(JobTasks* tasks, absl::Time now);
  const Attempt* ChooseVictim(JobTasks* tasks, absl::Time now, std::optional<uint32_t>* map);
  bool MakeRoom(JobKey job, JobTasks* tasks, absl::Time now, Assignments* out);
  void TakeSlot(WorkerKey key, const AttemptRef& attempt);
  void FreeSlot(WorkerKey key, const AttemptRef& attempt);
  WorkerLoss Undo(WorkerKey worker, const std::set<AttemptRef>* present, Comeback how,
                  absl::Time now);

  Options options_;
  std::map<JobKey, std::unique_ptr<JobTasks>> jobs_;
  std::set<JobKey> held_;
  FairShare share_;
  absl::flat_hash_map<WorkerKey, Worker> workers_;
  RunningAttempts running_;
  // What ran on workers that were removed, until they come back.
  absl::flat_hash_map<WorkerKey, std::vector<AttemptRef>> blamed_;
  std::set<WorkerKey> free_;  // workers that could run one more attempt
  absl::flat_hash_map<PlaceId, uint32_t> workers_at_;
  absl::Time next_wake_ = absl::InfiniteFuture();
};

}  // namespace quern::mr
