// The output file of a reduce or map-only attempt.
#pragma once

#include <memory>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// part-r-00003 or part-m-00003 in the attempt's directory, in the job's format.
absl::StatusOr<std::unique_ptr<OutputSink>> CreateTaskOutput(const pb::TaskSpec& spec,
                                                             const TaskEnvironment& environment);
// Makes it durable and fills in where and what it is.
absl::Status FinishTaskOutput(const pb::TaskSpec& spec, OutputSink* sink,
                              pb::AttemptResult* result);

}  // namespace quern::mr
