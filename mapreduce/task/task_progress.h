// How far an attempt is: written by the task's thread at every record, read by the reporter.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/engine/work_steps.h"
#include "mapreduce/task/task_times.h"

namespace quern::mr {

class TaskProgress {
 public:
  explicit TaskProgress(Clock* clock) : times(clock) {}

  // One writer; plain stores, no locked instructions.
  class Count {
   public:
    void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    uint64_t Get() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<uint64_t> value_ = 0;
  };

  Count input_bytes;
  Count input_records;
  Count output_bytes;
  Count output_records;
  Count waited_ms;  // for map outputs
  // Of the task's own thread.
  TaskTimes times;
  WorkSteps steps;

  // The phase covers [from, to] of the attempt and gets there when its `total` steps are done.
  struct Phase {
    const char* name = "read";  // as in AttemptProgress.phase
    double from = 0;
    double to = 1;
  };
  void StartPhase(const Phase& phase, uint64_t total) ABSL_LOCKS_EXCLUDED(mutex_);
  Count phase_done;

  // A step of work, also when the text is the same as before.
  void SetStatus(std::string_view text) ABSL_LOCKS_EXCLUDED(mutex_);

  pb::AttemptProgress Snapshot() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_);
  uint64_t phase_total_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
