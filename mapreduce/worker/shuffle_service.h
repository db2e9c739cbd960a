// Serves map outputs to reducers and logs to the coordinator: quern.mr.v1.Shuffle.
#pragma once

#include <memory>
#include <vector>

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

  Scratch* const scratch_;
  RunningLogs* const logs_;
};

}  // namespace quern::mr
