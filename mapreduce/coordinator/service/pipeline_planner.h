// Looks at everything that a pipeline names before its first stage runs, and refuses early what
// cannot work.
#pragma once

#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/split_planner.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

struct PlannedPipeline {
  pb::PipelineSpec spec;  // with every default and class name filled in
  PipelineGraph graph;
  std::vector<std::string> input_digests;  // one for each stage (pipeline_fingerprint.h)
};

// Thread-safe.
class PipelinePlanner {
 public:
  virtual ~PipelinePlanner() = default;
  // Errors as JobPlanner::Plan has them, with the stage.
  virtual absl::StatusOr<PlannedPipeline> Plan(pb::PipelineSpec spec) = 0;
  // Whether a stage of a planned spec would read the files of this digest now.
  virtual absl::StatusOr<bool> ReadsTheSame(const pb::PipelineStage& stage,
                                            const std::string& input_digest) = 0;
};

// Over the distributed file system.
class DfsPipelinePlanner final : public PipelinePlanner {
 public:
  // Borrowed.
  explicit DfsPipelinePlanner(client::FileSystem* dfs) : dfs_(dfs), plugins_(dfs) {}
  absl::StatusOr<PlannedPipeline> Plan(pb::PipelineSpec spec) override;
  absl::StatusOr<bool> ReadsTheSame(const pb::PipelineStage& stage,
                                    const std::string& input_digest) override;

 private:
  // What the stage reads at users' paths.
  absl::StatusOr<std::vector<SplitInput>> PlanStage(pb::PipelineStage* stage);
  // Copies of what lies between stages: it can be made again, and is read soon.
  absl::StatusOr<uint32_t> ReplicationBetweenStages();

  client::FileSystem* const dfs_;
  PluginChecker plugins_;
};

}  // namespace quern::mr
