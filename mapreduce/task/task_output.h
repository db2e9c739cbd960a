// The output files of an attempt.
#pragma once

#include <memory>
#include <string>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Where the attempt writes its files of the job's named output number `index`.
std::string NamedOutputDir(const pb::TaskSpec& spec, int index);
// part-r-00003 or part-m-00003 in `dir`, with the extension of the output's codec.
absl::StatusOr<std::string> OutputPath(const pb::TaskSpec& spec, const pb::JobSpec::Output& output,
                                       const std::string& dir);
// A file in the output's format.
absl::StatusOr<std::unique_ptr<OutputSink>> CreateOutput(const pb::TaskSpec& spec,
                                                         const TaskEnvironment& environment,
                                                         const pb::JobSpec::Output& output,
                                                         const std::string& path);

// The main output of a reduce or map-only attempt.
absl::StatusOr<std::unique_ptr<OutputSink>> CreateTaskOutput(const pb::TaskSpec& spec,
                                                             const TaskEnvironment& environment);
// Makes it durable and fills in where and what it is.
absl::Status FinishTaskOutput(const pb::TaskSpec& spec, OutputSink* sink,
                              pb::AttemptResult* result);

}  // namespace quern::mr
