// What a worker does: runs the attempts that it is told to run, and remembers how they ended until
// the coordinator says that their job is over. Thread-safe.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/thread.h"
#include "mapreduce/worker/attempt_runner.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

class Worker {
 public:
  // The context is borrowed.
  explicit Worker(const AttemptContext* context) : context_(context) {}
  ~Worker() { Shutdown(); }

  // Carries out one order of the coordinator; quick, the work is done by other threads.
  void OnOrder(const v1::WorkerOrder& order);
  // What runs, is held and has ended: the changing part of a registration.
  void FillRegister(v1::WorkerMessage::Register* message) const;
  // Kills everything; for a coordinator of another cluster, and at the end.
  void KillAll(const std::string& reason);
  // Kills everything and waits for it.
  void Shutdown();

  struct RunningAttempt {
    v1::AttemptId id;
    v1::AttemptProgress progress;
  };
  std::vector<RunningAttempt> Running() const;

 private:
  void Launch(const v1::TaskSpec& task);
  void Run(const std::shared_ptr<AttemptRunner>& attempt);
  void Kill(const v1::AttemptId& id, const std::string& reason);
  void Forget(const std::string& job_id);
  void JoinEnded();

  const AttemptContext* const context_;
  mutable Mutex mutex_;
  CondVar idle_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // By "JOB m-00017.1".
  std::map<std::string, std::shared_ptr<AttemptRunner>> running_ ABSL_GUARDED_BY(mutex_);
  // Failed and killed attempts, by job.
  std::map<std::string, std::vector<v1::WorkerMessage::AttemptUpdate>> ended_
      ABSL_GUARDED_BY(mutex_);
  // Of running attempts, and of ended ones until they are joined.
  std::map<std::string, Thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> to_join_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
