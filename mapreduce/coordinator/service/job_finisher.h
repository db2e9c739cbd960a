// Brings jobs that need no more tasks to their end: publishes the output or gives it up, writes the
// last record, tells everybody, and cleans up behind.
//
// A job that is killed while it is published is looked at before the next try, also before the
// first: one whose outputs have appeared ends as SUCCEEDED all the same, of another one nothing
// will appear. One that its pipeline stops is tried once before (wish_to_kill.h).
//
// What waits for the file system has threads of its own, so that a job that is killed ends and is
// cleaned up, which may make room, however many others wait to be published; and one of those that
// cannot be published now lets the others try before it tries again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/strings.h"
#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/service/publication_queue.h"
#include "mapreduce/coordinator/service/publisher.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
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
    // What jobs and pipelines are timed with.
    virtual absl::Time Now() const = 0;
    virtual absl::StatusOr<FinishPlan> PlanFinish(JobKey key) = 0;
    // That somebody wants a job killed whose output is being published.
    virtual std::optional<WishToKill> KillWish(JobKey key) const = 0;
    // What becomes of a job that was to be published is decided: nobody can kill it any more.
    virtual void Settle(JobKey key) = 0;
    // What its tasks did, to be remembered.
    virtual pb::TaskHistory DescribeTasks(JobKey key) = 0;
    virtual void JobEnded(JobKey key, const pb::JobStatus& status) = 0;
    // Paths of the plugins of jobs that have not ended.
    virtual StringSet PluginsInUse() = 0;
  };

  struct Options {
    // Between two tries of a publication.
    absl::Duration publish_retry = absl::Seconds(1);
    // Between two tries of removing what a job has left behind.
    absl::Duration clean_retry = absl::Seconds(30);
  };

  // Borrowed.
  JobFinisher(Jobs* jobs, JobJournal* journal, PublishFiles* files, Clock* clock, Options options)
      : jobs_(jobs),
        journal_(journal),
        files_(files),
        clock_(clock),
        options_(options),
        publications_(options.publish_retry) {}
  ~JobFinisher() { Shutdown(); }

  void Start();
  // Leaves jobs that are waiting to the next start. Returns at once.
  void Stop();
  // Stops, and waits for what is being done.
  void Shutdown();
  // Each job once.
  void Finish(JobKey key) { ends_.Add({End::kFinish, key}); }
  // A job that had ended before a restart, and may have left files behind.
  void Clean(JobKey key, pb::JobFinished last);
  // A submission that was written down and then refused: it ends with this record, and is forgotten
  // when nothing is left of it.
  void Discard(JobKey key, pb::JobFinished last);
  // Drops an old job from the journal, once nothing is left of it that would never be found again.
  void Forget(JobKey key);

 private:
  // Waits for nobody but the journal.
  struct End {
    enum Kind { kFinish, kForget } kind = kFinish;
    JobKey key;
  };
  class JobPublication;
  struct Leftover {
    JobKey key;
    pb::JobFinished last;
  };
  void RunEnd(const End& end);
  void FinishOne(JobKey key);
  void WriteEnd(JobKey key, FinishPlan plan);
  void CleanUp(Leftover leftover);
  void NoteCleaned(JobKey key);
  // Now and then.
  void CollectOldPlugins();
  void WriteLast(JobKey key, const pb::JobFinished& last, const pb::TaskHistory* tasks = nullptr);

  Jobs* const jobs_;
  JobJournal* const journal_;
  PublishFiles* const files_;
  Clock* const clock_;
  const Options options_;

  Mutex mutex_;
  // Jobs that have ended and may have left files behind, and whether they are to be forgotten.
  std::map<JobKey, bool> uncleaned_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_collection_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  WorkQueue<End> ends_;
  PublicationQueue publications_;
  WorkQueue<Leftover> cleaning_;
};

}  // namespace quern::mr
