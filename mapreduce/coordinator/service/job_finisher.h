// Brings jobs that need no more tasks to their end: publishes the output or gives it up, writes the
// last record, tells everybody, and cleans up behind. A few threads, so that one job whose output
// takes long does not hold up the others.
#pragma once

#include <utility>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/service/publisher.h"
#include "mapreduce/coordinator/service/work_queue.h"
#include "mapreduce/coordinator/store/job_journal.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/journal.pb.h"

namespace quern::mr {

// Everything about the end of a job.
struct FinishPlan {
  pb::JobStatus status;  // as it will be shown; state says what is to become of it
  uint64_t client_id = 0;
  uint64_t request_id = 0;
  PublishPlan publish;  // of a job that succeeded
};

// Thread-safe.
class JobFinisher {
 public:
  // Where plans come from and where the outcome goes.
  class Jobs {
   public:
    virtual ~Jobs() = default;
    virtual absl::StatusOr<FinishPlan> PlanFinish(JobKey key) = 0;
    // What its tasks did, to be remembered.
    virtual pb::TaskHistory DescribeTasks(JobKey key) = 0;
    virtual void JobEnded(JobKey key, const pb::JobStatus& status) = 0;
    // Paths of the plugins of jobs that have not ended.
    virtual StringSet PluginsInUse() = 0;
  };

  // Borrowed.
  JobFinisher(Jobs* jobs, JobJournal* journal, PublishFiles* files, Clock* clock)
      : jobs_(jobs), journal_(journal), files_(files), clock_(clock) {}
  ~JobFinisher() { Shutdown(); }

  void Start();
  // Leaves jobs that are waiting to the next start.
  void Shutdown() { queue_.Shutdown(); }
  // Each job once.
  void Finish(JobKey key) { queue_.Add({Work::kFinish, key, {}}); }
  // A job that had ended before a restart, and may have left files behind.
  void Clean(JobKey key, pb::JobFinished last) { queue_.Add({Work::kClean, key, std::move(last)}); }
  // Drops an old job from the journal.
  void Forget(JobKey key) { queue_.Add({Work::kForget, key, {}}); }

 private:
  struct Work {
    enum Kind { kFinish, kClean, kForget } kind = kFinish;
    JobKey key;
    pb::JobFinished last;
  };
  void Run(Work work);
  void FinishOne(JobKey key);
  void CleanUp(JobKey key, pb::JobFinished last);
  // Now and then.
  void CollectOldPlugins();
  absl::Status PublishWithRetries(JobKey key, const FinishPlan& plan);
  void WriteLast(JobKey key, const pb::JobFinished& last, const pb::TaskHistory* tasks = nullptr);

  Jobs* const jobs_;
  JobJournal* const journal_;
  PublishFiles* const files_;
  Clock* const clock_;

  Mutex mutex_;
  absl::Time next_collection_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  WorkQueue<Work> queue_;
};

}  // namespace quern::mr
