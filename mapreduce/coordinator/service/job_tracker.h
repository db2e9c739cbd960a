// All jobs and workers of a coordinator. Takes events, keeps the journal, and says what to send.
//
// Every event changes the scheduler and adds records to the journal, which are written before the
// event's effects (orders to workers, jobs that can be finished) may be taken: a coordinator that
// is killed at any moment has told nobody of anything that its successor does not know.
// No locks, no threads, no network; `now` never goes back. The owner calls TakeEffects after each
// event and Tick at NextWake().
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/strings.h"
#include "mapreduce/coordinator/logic/task_scheduler.h"
#include "mapreduce/coordinator/logic/worker_registry.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class JobTracker {
 public:
  struct Options {
    WorkerRegistry::Options workers;
    TaskScheduler::Options scheduler;
    // Ended jobs that are remembered; older ones leave the journal.
    size_t max_ended_jobs = 1'000;
    // Of these, the newest keep the details of their tasks, in memory.
    size_t max_detailed_jobs = 50;
  };
  struct Effects {
    std::vector<std::pair<WorkerKey, v1::WorkerOrder>> orders;
    // Lost: their sessions are to be closed, so that they register again if they live.
    std::vector<WorkerKey> lost_workers;
    // Jobs that have nothing more to run: to be published, or given up (Job::doomed).
    std::vector<JobKey> to_finish;
    // Jobs whose watchers should look again.
    std::vector<JobKey> changed;
    // Ended before a restart, perhaps with files left behind.
    std::vector<std::pair<JobKey, v1::JobFinished>> to_clean;
    // Ended long ago: to be removed from the journal.
    std::vector<JobKey> to_forget;
  };

  // The journal is borrowed. A failed write of it ends the process.
  JobTracker(JobJournal* journal, Options options);
  // Rebuilds everything from the journal. Once, before anything else.
  absl::Status Recover(absl::Time now);

  // Jobs. A job is added in three steps, because the one in the middle waits for the disk and is
  // done without the owner's lock: Reserve, journal SubmissionRecords, Add.
  struct Reservation {
    JobKey key;
    std::string job_id;
    bool already_there = false;  // a repeated request: nothing else to do
  };
  // The job that a request made; null when it is the first of its kind.
  const Job* FindRequest(uint64_t client_id, uint64_t request_id) const;
  Reservation Reserve(uint64_t client_id, uint64_t request_id, absl::Time now);
  static std::vector<JobJournal::Entry> SubmissionRecords(const Job& job);
  void Add(std::unique_ptr<Job> job, absl::Time now);
  // FailedPrecondition when it has ended or is being published.
  absl::Status Kill(std::string_view job_id, std::string_view reason, absl::Time now);
  // Called by whoever finishes jobs: the last record is in the journal.
  void Ended(JobKey key, const v1::JobStatus& status, absl::Time now);

  // Workers.
  WorkerKey Register(const v1::WorkerMessage::Register& message, absl::Time now);
  void Heartbeat(WorkerKey worker, absl::Time now) { registry_.Heartbeat(worker, now); }
  void SessionEnded(WorkerKey worker, absl::Time now);
  void Update(WorkerKey worker, const v1::WorkerMessage::AttemptUpdate& update, absl::Time now);
  void FetchFailed(const v1::WorkerMessage::FetchFailure& failure, absl::Time now);

  void Tick(absl::Time now);
  absl::Time NextWake() const;
  // What has happened since the last call, in order; the journal has it all.
  Effects TakeEffects() { return std::exchange(effects_, {}); }

  // Null when there is no such job.
  const Job* Find(std::string_view job_id) const;
  const Job* Find(JobKey key) const;
  const JobTasks* Tasks(const Job& job) const;
  const std::map<JobKey, std::unique_ptr<Job>>& jobs() const { return jobs_; }
  const WorkerRegistry& registry() const { return registry_; }
  const TaskScheduler& scheduler() const { return scheduler_; }

 private:
  friend class JournalReplay;

  Job* FindMutable(std::string_view job_id);
  // The attempt that a message names; none when it is of no running job.
  Job* Resolve(const v1::AttemptId& id, AttemptRef* attempt);
  JobPlan PlanOf(const Job& job);
  // Machines and racks have names of their own kinds: "node:" or "rack:" and the name.
  PlaceId PlaceOf(std::string_view kind, std::string_view name);

  // Events of one attempt that is known to run on the worker that speaks.
  void OnProgress(Job* job, const AttemptRef& attempt, const v1::AttemptProgress& progress);
  void OnSuccess(Job* job, const AttemptRef& attempt, const v1::AttemptResult& result,
                 absl::Time now);
  void OnFailure(Job* job, const AttemptRef& attempt, const v1::AttemptFailure& failure,
                 absl::Time now);
  void OnSampleChosen(Job* job, const v1::AttemptResult& result);
  void StoreResult(Job* job, const AttemptRef& attempt, const v1::AttemptResult& result);
  void JournalLoss(const WorkerLoss& loss, std::string_view why, absl::Time now);
  void Doom(Job* job, v1::JobState state, std::string reason);
  void StopTasks(Job* job, absl::Time now);
  void FinishIfDone(Job* job, absl::Time now);

  // What the next Tick would do, done at once after each event.
  void Dispatch(absl::Time now);
  void Launch(const Placed& placed, absl::Time now);
  void TellOutputs(Job* job, absl::Time now);
  void SendOutputs(const Job& job, WorkerKey worker, const std::vector<uint32_t>& maps);
  v1::TaskSpec MakeTaskSpec(const Job& job, const AttemptRef& attempt) const;
  v1::MapOutput MakeMapOutput(const Job& job, uint32_t map_task) const;
  void Order(WorkerKey worker, v1::WorkerOrder order);
  void OrderKill(WorkerKey worker, std::string_view job_id, const AttemptRef& attempt,
                 std::string_view reason);
  void OrderForget(WorkerKey worker, std::string_view job_id);

  JobJournal::Entry* AddRecord(JobKey job, absl::Time now);
  void WriteRecords();
  void Changed(Job* job);
  void TrimEndedJobs();

  JobJournal* const journal_;
  const Options options_;
  WorkerRegistry registry_;
  TaskScheduler scheduler_;
  std::map<JobKey, std::unique_ptr<Job>> jobs_;
  StringMap<JobKey> keys_;
  std::map<std::pair<uint64_t, uint64_t>, JobKey> requests_;  // client id, request id
  std::map<std::string, PlaceId> places_;
  uint32_t last_key_ = 0;
  std::pair<std::string, uint32_t> last_number_;  // day, number of its last job
  uint64_t last_order_ = 0;
  absl::Time next_tell_ = absl::InfiniteFuture();
  std::vector<JobJournal::Entry> records_;
  Effects effects_;
};

}  // namespace quern::mr
