// One task attempt on this worker, from its order to its final report.
//
// Run() blocks its thread until the attempt has ended; the other methods may be called from any
// thread meanwhile. Whatever user code does (crash, hang, exit(0), leak), the attempt ends with one
// report that says what happened, at which record, and what was printed last.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/worker/plugin_cache.h"
#include "mapreduce/worker/running_logs.h"
#include "mapreduce/worker/scratch.h"
#include "mapreduce/worker/task_pool.h"
#include "mapreduce/worker/task_process.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// What every attempt of a worker shares. All borrowed.
struct AttemptContext {
  Scratch* scratch = nullptr;
  PluginCache* plugins = nullptr;
  TaskPool* processes = nullptr;
  RunningLogs* logs = nullptr;
  Clock* clock = Clock::Real();
  std::string master;  // for the task: comma-separated HOST:PORTs
  std::string node;
  std::string address;  // RPC address of this worker, where its map outputs are served
  // Sends a message to the coordinator. Any thread; takes no lock of the caller's.
  std::function<void(pb::WorkerMessage)> report;
  // A process may take so much more than the job's limit before it is killed: its own code and the
  // buffers of its connections are not the user's fault.
  uint64_t memory_slack_bytes = uint64_t{32} << 20;
  absl::Duration memory_interval = absl::Milliseconds(100);
};

class AttemptRunner {
 public:
  AttemptRunner(pb::TaskSpec task, const AttemptContext* context)
      : task_(std::move(task)), context_(context) {}

  const pb::AttemptId& id() const { return task_.id(); }
  // The final update, which is left to the caller to report. Nothing of the attempt runs any more.
  pb::WorkerMessage::AttemptUpdate Run();

  // Ends it soon; the first reason counts.
  void Kill(std::string reason);
  void AddMapOutputs(const pb::MapOutputs& outputs);
  pb::AttemptProgress progress() const;
  // An update with its progress, when there is news since the last call.
  std::optional<pb::WorkerMessage::AttemptUpdate> TakeProgress();

 private:
  using Update = pb::WorkerMessage::AttemptUpdate;

  Update RunProcess();
  // From the file system, where they are not here yet: what goes wrong there is no fault of this
  // worker.
  absl::Status FetchCopies();
  // A process that has the order to run it.
  absl::StatusOr<std::unique_ptr<TaskProcess>> Prepare(bool fresh);
  // The job's side files under their names in the attempt's directory.
  absl::Status LinkSideFiles();
  // Empty, so that it can be followed before anything is printed.
  absl::Status MakeLog() const;
  // None when the process has closed its connection without a final word.
  std::optional<Update> Supervise(TaskProcess* task);
  std::optional<Update> OnMessage(const pb::FromTask& message);
  std::optional<Update> CheckLimits(TaskProcess* task);
  struct Excess {
    std::string text;  // empty: nothing
    bool of_memory = false;
  };
  Excess ExcessOf(const TaskProcess& task);
  void OnProgress(const pb::AttemptProgress& progress);
  void SendOutputs(TaskProcess* task);
  // Whom Kill and AddMapOutputs wake; null: nobody. It has to live until the next call.
  void SetRunning(TaskProcess* task);
  std::optional<std::string> kill_reason() const;

  Update Succeeded(pb::AttemptResult result);
  Update Failed(pb::AttemptFailure failure) const;
  Update Killed(const std::string& reason) const;
  Update Environment(const absl::Status& status) const;
  Update NotFetched(const absl::Status& status) const;
  Update NotStarted(std::string why) const;
  Update UpdateOf(pb::AttemptState state) const;

  const pb::TaskSpec task_;
  const AttemptContext* const context_;
  // Of the thread that runs it.
  std::string dir_;
  // Of the plugin and of the job's side files, in their order: they stay there while it runs.
  std::vector<PluginCache::Copy> copies_;
  absl::Time last_progress_;
  absl::Time last_memory_check_ = absl::InfinitePast();
  bool over_memory_ = false;             // at the last check
  bool heard_ = false;                   // the present process has said something of this attempt
  std::vector<pb::MapOutputs> unheard_;  // sent to it, until it has

  mutable Mutex mutex_;
  TaskProcess* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::optional<std::string> kill_reason_ ABSL_GUARDED_BY(mutex_);
  std::vector<pb::MapOutputs> outputs_ ABSL_GUARDED_BY(mutex_);
  pb::AttemptProgress progress_ ABSL_GUARDED_BY(mutex_);
  bool progress_is_news_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::mr
