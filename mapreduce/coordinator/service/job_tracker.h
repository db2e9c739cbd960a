// Takes every event of a coordinator and says what follows from it.
//
// An event changes the state (tracker_state.h) and adds records to the journal, which are written
// before the event's effects (orders to workers, jobs that can be finished) may be taken: a
// coordinator that is killed at any moment has told nobody of anything that its successor does not
// know. No event looks at all tasks of a job, so that each is done in microseconds, however large
// the jobs are; the exceptions (a worker registers or is lost, a job ends) look at what belongs to
// that worker or job. No locks, no threads, no network; `now` never goes back. The owner calls
// TakeEffects after each event and Tick at NextWake().
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/service/journal_replay.h"
#include "mapreduce/coordinator/service/journal_writer.h"
#include "mapreduce/coordinator/service/order_maker.h"
#include "mapreduce/coordinator/service/tracker_state.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class JobTracker {
 public:
  struct Options {
    WorkerRegistry::Options workers;
    TaskScheduler::Options scheduler;
    JobTable::Limits jobs;
    // Beyond the job's own timeout, which is its worker's to keep: an attempt of which nothing is
    // heard for longer is given up.
    absl::Duration silence = absl::Minutes(1);
  };
  struct Effects {
    OrderMaker::Orders orders;
    // Final reports that are in the journal, or that nobody needs.
    std::vector<std::pair<WorkerKey, pb::AttemptId>> acknowledged;
    // Registrations that are complete: the worker is to be admitted before it gets any order.
    std::vector<WorkerKey> admitted;
    // Lost: their sessions are to be closed, so that they register again if they live.
    std::vector<WorkerKey> lost_workers;
    // Jobs that have nothing more to run: to be published, or given up (Job::doomed).
    std::vector<JobKey> to_finish;
    // Jobs whose watchers should look again.
    std::set<JobKey> changed;
    // Ended before a restart, perhaps with files left behind.
    std::vector<std::pair<JobKey, pb::JobFinished>> to_clean;
    // Ended long ago, or withdrawn: to be removed from the journal, once they are cleaned.
    std::vector<JobKey> to_forget;
    // To be let go of where it keeps nobody waiting: freeing a large job takes a while.
    std::vector<std::shared_ptr<const void>> garbage;
  };

  // The journal is borrowed. A failed write of it ends the process.
  JobTracker(JobJournal* journal, Options options);
  // Rebuilds everything from the journal. Once, before anything else. The records of pipelines are
  // handed over as they are.
  absl::Status Recover(absl::Time now, PipelineRecords* pipelines = nullptr);
  // Workers can come back from now on; Recover may have taken longer than they are given.
  void AwaitWorkers(absl::Time now) { state_.registry.AwaitAll(now); }

  // Jobs. A job is added in three steps, because what lies between them waits for the disk and
  // the file system and is done without the owner's lock: Reserve and NextJobId; writing
  // JournalWriter::Submission, making the directory, MakeTasks; Add.
  struct Reservation {
    JobKey key;
    uint64_t term = 0;
    StringMap<PlaceId> places;
  };
  Reservation Reserve(const StringSet& places);
  // Each once, and none of those that are taken without the journal's knowledge.
  std::string NextJobId(const std::vector<std::string>& taken, absl::Time now);
  void Add(std::unique_ptr<Job> job, std::unique_ptr<JobTasks> tasks, absl::Time now);
  // After Recover: of the jobs that have not begun, whose directories may be missing, nothing
  // starts until they are prepared, or fail with the reason why they cannot be.
  std::vector<JobKey> HoldUnbegun();
  void Prepared(JobKey key, const absl::Status& prepared, absl::Time now);
  // A key of the journal that no job has.
  JobKey ReserveKey() { return state_.jobs.ReserveKey(); }
  // One whose output is being published ends as KILLED only if that has not appeared
  // (Job::kill_wish). FailedPrecondition when it has ended, or is about to end, in another way. May
  // be repeated; what a user wishes comes before what its pipeline does.
  absl::Status Kill(std::string_view job_id, const WishToKill& wish, absl::Time now);
  // Called by whoever publishes: what becomes of the job is decided and no wish is heard any more.
  // Nothing is journalled of it from here on but its last record.
  void Settle(JobKey key);
  // Called by whoever finishes jobs: the last record is in the journal.
  void Ended(JobKey key, const pb::JobStatus& status, absl::Time now);

  // Workers. A registration may come in pieces; the worker is admitted after the last.
  WorkerKey Register(const pb::WorkerMessage::Register& first, absl::Time now);
  void ContinueRegistration(WorkerKey worker, const pb::WorkerMessage::Register& piece,
                            absl::Time now);
  void SessionEnded(WorkerKey worker, absl::Time now);
  void Heartbeat(WorkerKey worker, const pb::WorkerMessage::Heartbeat& heartbeat, absl::Time now);
  void Update(WorkerKey worker, const pb::WorkerMessage::AttemptUpdate& update, absl::Time now);
  void FetchFailed(WorkerKey worker, const pb::WorkerMessage::FetchFailure& failure,
                   absl::Time now);
  void WantOutputs(WorkerKey worker, const pb::WorkerMessage::WantOutputs& want, absl::Time now);

  void Tick(absl::Time now);
  absl::Time NextWake() const;
  // What has happened since the last call, in order; the journal has it all.
  Effects TakeEffects();

  const TrackerState& state() const { return state_; }

 private:
  struct Registration {
    std::set<AttemptRef> present;
    std::set<std::string> forget;         // jobs that are over
    std::vector<pb::AttemptId> unwanted;  // attempts that run for nobody
    std::vector<pb::AttemptId> acknowledged;
    bool moved = false;  // its address is another than before
    Comeback how = Comeback::kNewProcess;
    bool unhealthy = false;
    bool stranger = false;  // what it has is another cluster's
  };

  // Jobs: job_tracker.cc.
  void Changed(const Job& job) { effects_.changed.insert(job.key); }
  void Doom(Job* job, pb::JobState state, std::string_view reason, absl::Time now);
  absl::Status WishKilled(Job* job, const WishToKill& wish, absl::Time now);
  void RecoverDoom(const JournalReplay::Outcome::Doomed& doomed);
  // False when its end is decided already.
  bool MarkDoomed(Job* job, pb::JobState state, std::string_view reason);
  void FinishIfDone(Job* job, absl::Time now);
  void ReleaseMapsIfSampled(Job* job, absl::Time now);
  void StopTasks(Job* job, absl::Time now);
  void TrimEndedJobs();
  void DropWorkingState(Job* job);
  // What follows from any event: attempts that can start, outputs to be told, records to be
  // written.
  void Dispatch(absl::Time now);
  void Launch(const Placed& placed, absl::Time now);
  void TellOutputs(absl::Time now);

  // Workers: job_tracker_workers.cc.
  void TakeUp(WorkerKey worker, const pb::WorkerMessage::Register& piece,
              Registration* registration, absl::Time now);
  void NotePresent(WorkerKey worker, const pb::AttemptId& id, Registration* registration,
                   absl::Time now);
  void FinishRegistration(WorkerKey worker, absl::Time now);
  void MoveOutputs(WorkerKey worker);
  void SetHealth(WorkerKey worker, std::string_view unhealthy);
  void Compare(WorkerKey worker, const pb::WorkerMessage::Heartbeat& heartbeat, absl::Time now);
  void OnLoss(const WorkerLoss& loss, std::string_view why, absl::Time now);
  void GiveUpSilent(absl::Time now);

  // Attempts: job_tracker_attempts.cc.
  // The attempt that a message names; null when it is of no running job.
  Job* Resolve(const pb::AttemptId& id, AttemptRef* attempt);
  bool Runs(const AttemptRef& attempt, WorkerKey worker) const;
  void Adopt(WorkerKey worker, const Job& job, const AttemptRef& attempt, absl::Time now);
  // The final ones, of an attempt that is known to be this worker's.
  void OnFinal(Job* job, const AttemptRef& attempt, const pb::WorkerMessage::AttemptUpdate& update,
               absl::Time now);
  void OnProgress(WorkerKey worker, const pb::WorkerMessage::AttemptUpdate& update, absl::Time now);
  void OnSuccess(Job* job, const AttemptRef& attempt, const pb::AttemptResult& result,
                 absl::Time now);
  void OnFailure(Job* job, const AttemptRef& attempt, pb::AttemptFailure failure, absl::Time now);
  void OnStopped(const AttemptRef& attempt, Stop how, bool fatal, std::string_view why,
                 absl::Time now);
  void AddOutput(Job* job, uint32_t map_task);
  void LoseOutput(Job* job, const AttemptRef& map, const std::string& why, absl::Time now);
  void MoveReduces(Job* job, WorkerKey worker, absl::Time now);
  absl::Duration SilenceOf(const Job& job) const;

  JobJournal* const journal_;
  const Options options_;
  TrackerState state_;
  JournalWriter records_;
  OrderMaker orders_;
  std::map<WorkerKey, Registration> registrations_;
  std::set<JobKey> told_jobs_;  // jobs with workers that wait for news of map outputs
  Effects effects_;
};

}  // namespace quern::mr
