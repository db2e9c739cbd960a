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

struct LocalRunOptions {
  std::optional<int64_t> threads;  // else one per core
  std::string tasks = {};          // of a job: only these ("m-0,r-2"); empty = all
  bool tells = false;              // RunLocallyAndWait: also how a job ended that succeeds
  bool check = false;              // user code that keeps what it was only lent ends the run
};

// Becomes quern-task; returns only when that cannot be started.
absl::StatusOr<int> RunLocally(Session* session, pb::JobSpec spec, const std::string& plugin_path,
                               const LocalRunOptions& options);

// Runs it in a child and waits: the exit code. Only warnings are said when the job succeeds, unless
// it is to tell.
absl::StatusOr<int> RunLocallyAndWait(Session* session, pb::JobSpec spec,
                                      const std::string& plugin_path,
                                      const LocalRunOptions& options);

// Becomes quern-task for a pipeline, whose stages have their plugins on this machine.
absl::StatusOr<int> RunPipelineLocally(Session* session, const pb::PipelineSpec& spec,
                                       const LocalRunOptions& options);

}  // namespace quern::mr
