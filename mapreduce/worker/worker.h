// What a worker does: runs the attempts that it is told to run, and remembers how they ended until
// the coordinator says that it knows. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/worker/attempt_runner.h"
#include "mapreduce/worker/final_reports.h"
#include "mapreduce/worker/output_tables.h"
#include "mapreduce/worker/worker_health.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class Worker {
 public:
  // The context is borrowed.
  explicit Worker(const AttemptContext* context);
  ~Worker() { Shutdown(); }

  // Carries out one order of the coordinator; quick, the work is done by other threads.
  void OnOrder(const pb::WorkerOrder& order);
  // A coordinator knows what FillRegister said. True when it has to be told anew: it is that of
  // another cluster, and everything that was here is gone now.
  bool OnAdmitted(const std::string& cluster_id);
  // The coordinator has written these ends down.
  void OnAcknowledged(const pb::CoordinatorMessage::Acknowledged& acknowledged);

  // A session begins: what runs, is held and has ended, added to who the worker is.
  void FillRegister(pb::WorkerMessage::Register* message);
  // What runs, and how far it is. Everything reported before it is on its way before it.
  void FillHeartbeat(pb::WorkerMessage::Heartbeat* message);
  // Final reports that have been waiting for their acknowledgement for too long.
  std::vector<pb::WorkerMessage> TakeLateReports();

  // Kills everything and waits for it.
  void Shutdown();

  struct RunningAttempt {
    pb::AttemptId id;
    pb::AttemptProgress progress;
  };
  std::vector<RunningAttempt> Running() const;
  // Why it takes no tasks; empty: it does.
  std::string unhealthy() const;

 private:
  // True when it was of another one.
  bool AdoptCluster(const std::string& cluster_id);
  // Kills everything, waits for it, and forgets it.
  void Abandon(const std::string& reason);
  void KillAll(const std::string& reason);
  void Launch(pb::TaskSpec task);
  void AddBriefing(pb::TaskSpec* task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnOutputs(const pb::WorkerOrder::OutputDelta& delta, uint64_t term);
  bool Reduces(const std::string& job_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AskForOutputs(const std::string& job_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run(const std::shared_ptr<AttemptRunner>& attempt);
  void NoteHealth(const pb::WorkerMessage::AttemptUpdate& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Kill(const pb::AttemptId& id, const std::string& reason);
  void Forget(const std::string& job_id);
  void JoinEnded();

  // The housekeeping thread: what takes long and may not hold orders up.
  void KeepHouse();
  // A job to drop of which nothing runs any more; empty: none.
  std::string NextToForget() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Probe();

  const AttemptContext* const context_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t last_order_ ABSL_GUARDED_BY(mutex_) = 0;  // of this session
  // By AttemptKey.
  std::map<std::string, std::shared_ptr<AttemptRunner>> running_ ABSL_GUARDED_BY(mutex_);
  OutputTables outputs_ ABSL_GUARDED_BY(mutex_);
  // What attempts of a job have in common, by job.
  std::map<std::string, pb::WorkerOrder::Briefing> briefings_ ABSL_GUARDED_BY(mutex_);
  FinalReports reports_ ABSL_GUARDED_BY(mutex_);
  WorkerHealth health_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> to_forget_ ABSL_GUARDED_BY(mutex_);  // jobs
  // Of running attempts, and of ended ones until they are joined.
  std::map<std::string, Thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> to_join_ ABSL_GUARDED_BY(mutex_);
  Thread housekeeper_;
};

}  // namespace quern::mr
