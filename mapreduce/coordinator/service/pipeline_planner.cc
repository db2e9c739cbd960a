#include "mapreduce/coordinator/service/pipeline_planner.h"

#include <algorithm>
#include <utility>

#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/pipeline_fingerprint.h"

namespace quern::mr {

absl::StatusOr<PlannedPipeline> DfsPipelinePlanner::Plan(pb::PipelineSpec spec) {
  PlannedPipeline plan;
  std::vector<SplitInput> all_inputs;
  for (pb::PipelineStage& stage : *spec.mutable_stages()) FillStageDefaults(stage.mutable_job());
  // One that goes on from an earlier one was accepted then, maybe by an earlier version.
  ASSIGN_OR_RETURN(plan.graph,
                   spec.resumes().empty() ? CheckNewPipelineSpec(spec) : CheckPipelineSpec(spec));
  ASSIGN_OR_RETURN(const uint32_t replication, ReplicationBetweenStages());
  for (int i = 0; i < spec.stages_size(); ++i) {
    pb::PipelineStage* stage = spec.mutable_stages(i);
    absl::StatusOr<std::vector<SplitInput>> inputs = PlanStage(stage);
    if (!inputs.ok()) {
      return Annotate(inputs.status(), fmt::format("stage {}", stage->name()));
    }
    plan.input_digests.push_back(DigestInputs(*inputs));
    std::move(inputs->begin(), inputs->end(), std::back_inserter(all_inputs));
    if (!plan.graph.stages[static_cast<size_t>(i)].is_published) {
      stage->mutable_job()->mutable_output()->set_replication(replication);
    }
  }
  for (const std::string& target : PublishTargets(spec)) {
    ASSIGN_OR_RETURN(const bool replaces, CheckOutputPath(dfs_, target, spec.overwrite()));
    if (!replaces) continue;
    RETURN_IF_ERROR(CheckNoInputBelow(target, all_inputs));
    for (const pb::PipelineStage& stage : spec.stages()) {
      RETURN_IF_ERROR(CheckNoSideFileBelow(target, stage.job()));
    }
  }
  plan.spec = std::move(spec);
  return plan;
}

absl::StatusOr<bool> DfsPipelinePlanner::ReadsTheSame(const pb::PipelineStage& stage,
                                                      const std::string& input_digest) {
  ASSIGN_OR_RETURN(const std::vector<SplitInput> inputs, FindStageInputs(dfs_, stage));
  return DigestInputs(inputs) == input_digest;
}

absl::StatusOr<std::vector<SplitInput>> DfsPipelinePlanner::PlanStage(pb::PipelineStage* stage) {
  pb::JobSpec* job = stage->mutable_job();
  RETURN_IF_ERROR(CheckJobSpec(StageJobToCheck(*stage)));
  ASSIGN_OR_RETURN(const PluginInfo plugin, plugins_.Check(job->plugin()));
  RETURN_IF_ERROR(CheckSideFiles(dfs_, *job));
  RETURN_IF_ERROR(ResolveClasses(plugin, job));
  return FindStageInputs(dfs_, *stage);
}

absl::StatusOr<uint32_t> DfsPipelinePlanner::ReplicationBetweenStages() {
  ASSIGN_OR_RETURN(const client::ClusterStatus cluster, dfs_->GetCluster());
  const auto alive = static_cast<uint32_t>(
      std::count_if(cluster.servers.begin(), cluster.servers.end(),
                    [](const client::ClusterStatus::Server& server) { return server.alive; }));
  return std::clamp(std::min(alive, cluster.default_replication), uint32_t{1},
                    kCopiesBetweenStages);
}

}  // namespace quern::mr
