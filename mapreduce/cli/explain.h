// mr explain, and --dry-run: says what would be run, and runs and changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/job_source.h"
#include "mapreduce/cli/on_this_machine.h"
#include "mapreduce/plan/plugin_info.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

struct ExplainOptions {
  bool local = false;
  std::optional<int64_t> threads = {};  // with `local`
  bool all_splits = false;
  SaidPaths said = {};
  std::string command = "mr explain";  // as it was typed: also "mr run", with --dry-run
};

// The exit code: kExitRejected when there is a problem. The job's spec has all that the user said.
absl::StatusOr<int> ExplainJob(Session* session, const SpecFile& file, const PluginInfo& plugin,
                               const ExplainOptions& options);

// A stage with what is known of its plugin and parameters.
struct StageToExplain {
  PluginInfo plugin;
  std::optional<std::vector<std::string>> parameters;
};
absl::StatusOr<int> ExplainPipeline(Session* session, const pb::PipelineSpec& spec,
                                    const std::vector<StageToExplain>& stages,
                                    const ExplainOptions& options);

}  // namespace quern::mr
