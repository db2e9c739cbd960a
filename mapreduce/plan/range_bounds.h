// The range partitioner's bounds, from a sample of the keys, so that every reduce task gets about
// the same share and the parts, one after another, are in order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

// What the sample attempts of a job read: the same for the coordinator and for local mode.
struct SamplePlan {
  std::vector<pb::Split> splits;  // of one TASK_KIND_SAMPLE attempt each
  uint64_t sample_bytes = 0;      // read from the start of each piece that cannot be cut
  uint32_t sample_keys = 0;       // that each attempt returns at most
};
// Attempts over small windows that lie evenly over all bytes of the input, so that it may be sorted
// or not; their number grows with the partitions, which are the reduce tasks, up to a limit. As a
// map task does, each reads one input, in one format.
SamplePlan PlanSample(const pb::JobSpec& spec, const std::vector<pb::Split>& map_splits);

// Upper bounds (exclusive) of all partitions but the last: partitions - 1 starts of keys, no longer
// than needed, in increasing order.
// Keys that are a large share of the sample give equal bounds, hence empty partitions: one key is
// never divided. Without any keys every bound is empty and all goes to the last partition.
std::vector<std::string> ChooseRangeBounds(std::vector<std::string> sample, uint32_t partitions);

}  // namespace quern::mr
