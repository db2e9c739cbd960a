// Runs one attempt of any kind and turns its end into what is reported.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/map_output_feed.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// `feed` is used by reduce attempts only.
absl::StatusOr<pb::AttemptResult> RunAttempt(const pb::TaskSpec& spec,
                                             const TaskEnvironment& environment,
                                             MapOutputFeed* feed);

// Says what went wrong, at which record, and who is to blame.
pb::AttemptFailure DescribeFailure(const absl::Status& status,
                                   const RecordPositionWriter& position);

}  // namespace quern::mr
