// Serves map outputs to reducers and logs to the coordinator: quern.mr.v1.Shuffle.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/rpc/bulk.h"
#include "common/status.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/worker/running_logs.h"
#include "mapreduce/worker/scratch.h"

namespace quern::mr {

// Thread-safe: each stream has a thread of its own.
class ShuffleService {
 public:
  // Borrowed.
  ShuffleService(Scratch* scratch, RunningLogs* logs) : scratch_(scratch), logs_(logs) {}

  std::vector<rpc::BulkMethod> Methods();

 private:
  void Fetch(rpc::BulkLoop* loop, rpc::BulkStream* stream);
  void ReadLog(rpc::BulkLoop* loop, rpc::BulkStream* stream);
  // A held map output that has this partition.
  absl::StatusOr<std::shared_ptr<MapOutputFile>> Find(const pb::AttemptId& id, uint32_t partition);
  absl::StatusOr<std::shared_ptr<MapOutputFile>> Open(const std::string& path);

  // Each open one has its index in memory: 24 bytes per partition.
  static constexpr size_t kMaxOpen = 256;

  Scratch* const scratch_;
  RunningLogs* const logs_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<MapOutputFile>> open_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> opened_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace quern::mr
