// One map attempt: reads a split, runs the mapper, leaves one sorted file or, in a map-only job,
// one output file.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

absl::StatusOr<pb::AttemptResult> RunMapTask(const pb::TaskSpec& spec,
                                             const TaskEnvironment& environment);

}  // namespace quern::mr
