// Gives waiting tasks of all jobs to free slots of all workers.
//
// Driven by events; Assign then says what to start. Rules, in the order in which they count:
//  - jobs in the order of FairShare; within a job samples, then maps, then reduces;
//  - a map goes to a machine that holds its data, else its rack, else anywhere. A free worker
//    without data waits `locality_wait` before it takes such a task, once per job and only while
//    some machine with the data is at work: the wait never leaves the cluster idle for long;
//  - reduces never take a slot from a map of their job; when maps have to run again and reduces
//  hold
//    every slot, some reduces are killed (not failed);
//  - a worker on which attempts fail through no fault of user code rests for a while.
// A decision costs O(jobs + log workers); a lost worker O(maps). No locks; `now` is an argument.
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

// What the loss of a worker undid.
struct WorkerLoss {
  std::vector<AttemptRef> interrupted;  // were running; their tasks wait again where needed
  std::vector<AttemptRef> lost;         // chosen map outputs; their tasks wait again
};

class TaskScheduler {
 public:
  struct Options {
    absl::Duration locality_wait = absl::Milliseconds(100);
    absl::Duration first_rest = absl::Milliseconds(500);
    absl::Duration longest_rest = absl::Seconds(30);
  };
  TaskScheduler() = default;
  explicit TaskScheduler(Options options) : options_(options) {}

  // Workers. Setting one that exists changes its place and slots and ends its pause.
  void SetWorker(WorkerKey worker, const WorkerSlots& slots);
  // Starts nothing on it until SetWorker; what runs there goes on.
  void PauseWorker(WorkerKey worker);
  WorkerLoss RemoveWorker(WorkerKey worker, absl::Time now);
  // A worker says what it has: everything else that should be there is undone like in RemoveWorker.
  WorkerLoss Reconcile(WorkerKey worker, const std::set<AttemptRef>& present, absl::Time now);

  // Jobs.
  void AddJob(JobKey job, JobPlan plan);
  // Frees its slots and hands over its tasks; null when there is no such job.
  std::unique_ptr<JobTasks> RemoveJob(JobKey job, absl::Time now);
  // Null when there is no such job.
  const JobTasks* job(JobKey job) const;
  void ReleaseMaps(JobKey job);

  // An attempt that the journal names, in the order of the journal.
  void RestoreStarted(const AttemptRef& attempt, WorkerKey worker, Locality locality,
                      absl::Time started);

  // Attempts. Unknown ones, and ones of unknown jobs, are ignored.
  struct Success {
    bool chosen = false;
    std::vector<Placed> obsolete;  // other attempts of the task that ran; now killed
  };
  Success Succeeded(const AttemptRef& attempt, absl::Time now);
  // True when its task has failed too often: the job cannot succeed.
  bool Failed(const AttemptRef& attempt, Fault fault, absl::Time now);
  void Killed(const AttemptRef& attempt, absl::Time now);
  // The chosen output of a map task is gone.
  void OutputLost(JobKey job, uint32_t map_task);

  Assignments Assign(absl::Time now);
  // When Assign may find more to do although nothing has happened.
  absl::Time NextWake() const { return next_wake_; }

  uint32_t running_on(WorkerKey worker) const;
  uint32_t total_slots() const;
  absl::Status Validate() const;

 private:
  struct Worker {
    WorkerSlots slots;
    uint32_t running = 0;
    bool paused = false;
    // Since when it could have run a task of `waiting_for` that lies elsewhere.
    JobKey waiting_for;
    absl::Time waiting_since;
    absl::Time rests_until = absl::InfinitePast();
    uint32_t failures_in_a_row = 0;
  };
  enum class Reach { kOwnData, kAnyData };
  struct Choice {
    TaskKind kind = TaskKind::kMap;
    uint32_t task = 0;
    Locality locality = Locality::kAny;
  };

  bool HasFreeSlot(const Worker& worker) const;
  void UpdateFree(WorkerKey key);
  std::vector<WorkerKey> FreeWorkers(absl::Time now);
  bool TryWorker(WorkerKey key, Reach reach, absl::Time now, Assignments* out);
  std::optional<Choice> ChooseOwn(const Worker& worker, JobTasks* tasks) const;
  std::optional<Choice> ChooseAny(Worker* worker, JobKey job, JobTasks* tasks, absl::Time now);
  bool MayTake(Worker* worker, JobKey job, const TaskPlaces& places, absl::Time now);
  void Start(WorkerKey key, JobKey job, const Choice& choice, absl::Time now, Assignments* out);
  void PreemptReduces(absl::Time now, Assignments* out);
  void FreeSlot(WorkerKey key, JobKey job);
  void Undo(WorkerKey worker, const std::set<AttemptRef>* present, absl::Time now,
            WorkerLoss* loss);

  Options options_;
  std::map<JobKey, std::unique_ptr<JobTasks>> jobs_;
  FairShare share_;
  absl::flat_hash_map<WorkerKey, Worker> workers_;
  std::set<WorkerKey> free_;  // workers that could run one more attempt
  absl::flat_hash_map<PlaceId, uint32_t> workers_at_;
  absl::Time next_wake_ = absl::InfiniteFuture();
};

}  // namespace quern::mr
