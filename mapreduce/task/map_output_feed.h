// Which map outputs a running reducer may fetch: the session with the worker puts them in, the
// shuffle takes them out and reports those that cannot be had.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/run_reader.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

// Thread-safe.
class MapOutputFeed {
 public:
  using ReportFailure =
      std::function<void(uint32_t map_task, uint32_t attempt, const std::string& reason)>;
  // `report` may be called from any thread.
  explicit MapOutputFeed(ReportFailure report) : report_(std::move(report)) {}

  // A new output, or a newer attempt's in the place of one that was lost.
  void Add(const pb::MapOutput& output) ABSL_LOCKS_EXCLUDED(mutex_);
  // What was added since the last call.
  std::vector<pb::MapOutput> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  // Called after each Add; none when empty.
  void SetWake(std::function<void()> wake) ABSL_LOCKS_EXCLUDED(mutex_);

  void Report(uint32_t map_task, uint32_t attempt, const std::string& reason) {
    report_(map_task, attempt, reason);
  }
  // Of a read of a run that failed with `status`: when it is DataLoss and the run a map task's
  // output, that has to run again, and the reducer too once it has (Unavailable).
  absl::Status ReportDamage(const SortedRun& run, const absl::Status& status);

 private:
  const ReportFailure report_;
  Mutex mutex_;
  std::vector<pb::MapOutput> added_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> wake_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::mr
