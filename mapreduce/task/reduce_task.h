// One reduce attempt: gathers its partition of every map output, merges, runs the reducer, writes.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/map_output_feed.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// `feed` tells of map outputs as they become known (those of the spec are in it already).
absl::StatusOr<pb::AttemptResult> RunReduceTask(const pb::TaskSpec& spec,
                                                const TaskEnvironment& environment,
                                                MapOutputFeed* feed);

}  // namespace quern::mr
