// The coordinator at work: one lock around a JobTracker, a timer, and the ways in and out.
//
// Events come from sessions and RPCs on any thread; their effects go out through peers (a worker's
// session) and wake-ups (of watchers), and to the JobFinisher. The lock is never held while waiting
// for a disk or another process. Thread-safe.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/metrics.h"
#include "common/mutex.h"
#include "common/periodic_thread.h"
#include "common/thread.h"
#include "mapreduce/coordinator/service/job_finisher.h"
#include "mapreduce/coordinator/service/job_tracker.h"
#include "mapreduce/coordinator/service/open_requests.h"
#include "mapreduce/coordinator/service/orphan_collector.h"
#include "mapreduce/coordinator/service/pipeline_driver.h"
#include "mapreduce/coordinator/service/planner.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/coordinator/service/work_queue.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::rpc {
class Outbox;
}

namespace quern::mr {

struct CoordinatorOptions {
  JobTracker::Options tracker;
  // Borrowed; null: pipelines are refused.
  PipelinePlanner* pipeline_planner = nullptr;
  PipelineDriver::Options pipelines;
  JobFinisher::Options finisher;
  // Between two tries to look for directories of no job.
  absl::Duration orphan_retry = absl::Seconds(30);
  // Between two tries to make the directories of jobs that have not begun.
  absl::Duration prepare_retry = absl::Seconds(1);
  // Between two tries to have the journal's reserve of disk space.
  absl::Duration reserve_retry = absl::Seconds(1);
  Clock* clock = Clock::Real();
};

class Coordinator final : private JobFinisher::Jobs, private PipelineDriver::Jobs {
 public:
  // Everything but the journal is borrowed.
  Coordinator(std::unique_ptr<JobJournal> journal, JobPlanner* planner, PublishFiles* files,
              CoordinatorOptions options);
  ~Coordinator();

  // Continues the jobs of the journal and starts the threads.
  absl::Status Start();
  // Ends sessions and watches, joins the threads. Jobs go on at the next start.
  void Shutdown();
  bool stopping() const;
  // What jobs are timed with: wall time that never jumps.
  absl::Time Now() const override;
  const JobJournal& journal() const { return *journal_; }

  // Jobs. Submit answers after the job is durable and has its directory; see Planner::Plan for its
  // errors. Unavailable: the same request is being accepted. After any error there is no job. The
  // others know pipelines as well, by their ids.
  absl::StatusOr<pb::SubmitResponse> Submit(const pb::SubmitRequest& request) override;
  absl::Status Kill(std::string_view job_id, std::string_view reason);
  absl::StatusOr<pb::JobStatus> GetJob(std::string_view job_id) const override;
  // Without counters, failure and long texts.
  absl::StatusOr<pb::JobStatus> GetJobSummary(std::string_view job_id) const;
  PipelineDriver& pipelines() { return pipelines_; }
  // What `look` answers, which sees everything that is known with the lock held: it is to be short.
  template <typename Look>
  auto Read(Look look) const {
    MutexLock lock(&mutex_);
    return look(tracker_.state());
  }

  // Calls `wake` (on any thread) after every change of the job or pipeline, until Unwatch.
  uint64_t Watch(std::string_view job_id, std::function<void()> wake);
  void Unwatch(uint64_t watch);

  // Sessions of workers: a registration, which may come in pieces, then everything else. Messages
  // go to `outbox` once the registration is complete.
  WorkerKey Register(const pb::WorkerMessage::Register& first,
                     const std::shared_ptr<rpc::Outbox>& outbox);
  // False when the session has been replaced or its worker given up: it should end.
  bool OnMessage(WorkerKey worker, const rpc::Outbox* outbox, const pb::WorkerMessage& message);
  void OnSessionEnd(WorkerKey worker, const rpc::Outbox* outbox);

  // Counts, for metrics and pages.
  struct Totals {
    uint32_t running_jobs = 0;
    uint32_t running_attempts = 0;
    uint32_t alive_workers = 0;
    uint32_t slots = 0;
  };
  Totals GetTotals() const;

 private:
  // What the finisher asks and tells.
  absl::StatusOr<FinishPlan> PlanFinish(JobKey key) override;
  std::optional<WishToKill> KillWish(JobKey key) const override;
  void Settle(JobKey key) override;
  pb::TaskHistory DescribeTasks(JobKey key) override;
  void JobEnded(JobKey key, const pb::JobStatus& status) override;
  StringSet PluginsInUse() override;
  // What the pipelines ask and tell.
  absl::Status StopJob(std::string_view job_id, std::string_view reason) override;
  bool HasNewerOutput(JobKey than, int64_t ended_ms,
                      const std::set<std::string>& paths) const override;
  std::string FindRequest(uint64_t client_id, uint64_t request_id) const override;
  JobKey ReserveKey() override;
  void PipelineChanged(std::string_view pipeline_id) override;

  absl::Status KillJob(std::string_view job_id, const WishToKill& wish);
  // Gives the job an id, by which it is written down, and makes its directory.
  absl::Status TakeId(Job* job);
  void Withdraw(const Job& job, const absl::Status& why);
  // Makes the directories of jobs that an earlier coordinator has accepted and not begun.
  struct Unprepared {
    JobKey key;
    std::string id;
  };
  void HoldUnbegun() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Prepare(Unprepared job);
  // False when it is not to run any more.
  bool BeginPreparation(JobKey key);
  // Whether it is to be tried again.
  bool EndPreparation(JobKey key, const absl::Status& made);

  void WakeWatchers(const std::set<JobKey>& changed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The progress of the jobs of its stages that run.
  void FillStages(pb::JobStatus* pipeline) const;

  // Sends what follows from an event on its way. What is left in `effects`, which may be large, is
  // for the caller to free when the lock is released: declare it before the lock.
  void Deliver(JobTracker::Effects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DeliverToWorkers(JobTracker::Effects* effects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Put(WorkerKey worker, const pb::CoordinatorMessage& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  pb::CoordinatorMessage MakeAdmitted() const;
  void RunTimer();
  // Has directories looked for, once, that belong to no job or pipeline.
  void StartOrphans(std::string last_job_id);
  void RunOrphans(OrphanPlace place);

  const std::unique_ptr<JobJournal> journal_;
  JobPlanner* const planner_;
  PublishFiles* const files_;
  const CoordinatorOptions options_;
  // Wall time at the start plus time since: never jumps, and can be shown.
  const absl::Time wall_start_;
  const absl::Time steady_start_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  JobTracker tracker_ ABSL_GUARDED_BY(mutex_);
  // When the timer looks next, unless it is told to look earlier.
  absl::Time timer_wakes_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  struct Session {
    std::shared_ptr<rpc::Outbox> outbox;
    bool admitted = false;
  };
  std::map<WorkerKey, Session> sessions_ ABSL_GUARDED_BY(mutex_);
  struct Watcher {
    JobKey job;
    std::string pipeline_id;
    std::function<void()> wake;
  };
  // Jobs whose directories are being made, and whether they have nothing more to run meanwhile:
  // such a one ends after that, so that nothing is made once it has been cleaned up.
  std::map<JobKey, bool> preparing_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_watch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Watcher> watchers_ ABSL_GUARDED_BY(mutex_);

  OpenRequests open_requests_;
  PipelineDriver pipelines_;
  JobFinisher finisher_;
  WorkQueue<OrphanPlace> orphans_;
  WorkQueue<Unprepared> preparations_;
  Thread timer_;
  std::unique_ptr<PeriodicThread> reserve_;
};

}  // namespace quern::mr
