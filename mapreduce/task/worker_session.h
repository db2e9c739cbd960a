// The task process's side of its conversation with the worker.
//
// The worker sends Start, later perhaps more map outputs, and, when the attempt has ended, perhaps
// another Start: a process that is already warm saves the cost of a new one. Every attempt ends
// with exactly one `done` or `failed`; a process that ends without it has failed, whatever its exit
// code.
#pragma once

#include <memory>
#include <string>

#include "common/mutex.h"
#include "common/status.h"
#include "common/thread.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/task/attempt.h"
#include "mapreduce/task/guard.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/message_pipe.h"
#include "quern/mr/v1/task.pb.h"

namespace quern::mr {

class WorkerSession {
 public:
  WorkerSession(UniqueFd socket, Isolation isolation);

  // Serves the worker until it closes the connection.
  void Run();

 private:
  void ReadMessages();
  // Waits for the next Start; nothing when the worker is gone.
  std::unique_ptr<pb::ToTask::Start> NextStart();
  absl::StatusOr<pb::AttemptResult> RunStart(const pb::ToTask::Start& start);
  absl::Status Prepare(const pb::ToTask::Start& start);
  // A silent task lives for `timeout`.
  void ReportProgress(absl::Duration timeout, Clock* clock);
  void StartReporting(absl::Duration timeout, Clock* clock);
  void StopReporting();

  MessagePipe pipe_;
  // Without its connection nobody can be told anything any more, and the worker would wait for
  // news. The end of the process is noticed; why is in the page of the record.
  HeldDescriptors held_;
  const Isolation isolation_;
  Mutex mutex_;
  CondVar changed_;
  std::unique_ptr<pb::ToTask::Start> start_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool reporting_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the present attempt.
  std::shared_ptr<MapOutputFeed> feed_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<TaskProgress> progress_ ABSL_GUARDED_BY(mutex_);

  // Kept from one attempt to the next.
  std::unique_ptr<Plugin> plugin_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<SortBuffers> sort_buffers_;
  std::unique_ptr<RecordPositionWriter> position_;
  Thread reporter_;
  Thread reader_;
};

}  // namespace quern::mr
