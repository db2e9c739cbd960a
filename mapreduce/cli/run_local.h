// mr run --local: the whole job in one process on this machine, by quern-task.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/pipelines.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Becomes quern-task; returns only when that cannot be started. Without `threads`: one per core.
absl::StatusOr<int> RunLocally(Session* session, pb::JobSpec spec, const std::string& plugin_path,
                               std::optional<int64_t> threads);

// Runs it in a child and waits: the exit code. Silent when the job succeeds.
absl::StatusOr<int> RunLocallyAndWait(Session* session, pb::JobSpec spec,
                                      const std::string& plugin_path,
                                      std::optional<int64_t> threads);

// Becomes quern-task for a pipeline, whose stages have their plugins on this machine.
absl::StatusOr<int> RunPipelineLocally(Session* session, const pb::PipelineSpec& spec,
                                       std::optional<int64_t> threads);

}  // namespace quern::mr
