// One sample attempt: runs the mapper over the starts of some pieces and returns keys that it
// emits.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Counters and output of the mapper go nowhere.
absl::StatusOr<pb::AttemptResult> RunSampleTask(const pb::TaskSpec& spec,
                                                const TaskEnvironment& environment);

}  // namespace quern::mr
