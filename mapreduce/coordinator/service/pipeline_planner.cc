#include "mapreduce/coordinator/service/pipeline_planner.h"

#include <algorithm>
#include <set>
#include <utility>

#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/pipeline_fingerprint.h"

namespace quern::mr {
namespace {

// Where something will appear at the end, each once.
std::set<std::string> Targets(const pb::PipelineSpec& spec) {
  std::set<std::string> targets;
  const auto add = [&](const std::string& written) {
    if (written.empty()) return;
    targets.insert(written.starts_with('/') ? written : spec.output_path());
  };
  for (const pb::PipelineStage& stage : spec.stages()) {
    add(stage.job().output().path());
    for (const pb::JobSpec::NamedOutput& output : stage.job().outputs()) {
      if (!IsBesideMain(output)) add(output.output().path());
    }
  }
  return targets;
}

}  // namespace

absl::StatusOr<PlannedPipeline> DfsPipelinePlanner::Plan(pb::PipelineSpec spec) {
  PlannedPipeline plan;
  std::vector<SplitInput> all_inputs;
  for (pb::PipelineStage& stage : *spec.mutable_stages()) FillStageDefaults(stage.mutable_job());
  ASSIGN_OR_RETURN(plan.graph, CheckPipelineSpec(spec));
  ASSIGN_OR_RETURN(const uint32_t replication, ReplicationBetweenStages());
  for (int i = 0; i < spec.stages_size(); ++i) {
    pb::PipelineStage* stage = spec.mutable_stages(i);
    std::vector<SplitInput> inputs;
    RETURN_IF_ERROR(Annotate(PlanStage(stage, &inputs), fmt::format("stage {}", stage->name())));
    plan.input_digests.push_back(DigestInputs(inputs));
    std::move(inputs.begin(), inputs.end(), std::back_inserter(all_inputs));
    if (!plan.graph.stages[static_cast<size_t>(i)].is_published) {
      stage->mutable_job()->mutable_output()->set_replication(replication);
    }
  }
  for (const std::string& target : Targets(spec)) {
    RETURN_IF_ERROR(CheckTarget(target, spec.overwrite(), all_inputs));
  }
  plan.spec = std::move(spec);
  return plan;
}

absl::Status DfsPipelinePlanner::PlanStage(pb::PipelineStage* stage,
                                           std::vector<SplitInput>* inputs) {
  pb::JobSpec* job = stage->mutable_job();
  RETURN_IF_ERROR(CheckJobSpec(StageJobToCheck(*stage)));
  ASSIGN_OR_RETURN(const PluginInfo plugin, plugins_.Check(job->plugin()));
  RETURN_IF_ERROR(ResolveClasses(plugin, job));
  for (int i = 0; i < job->inputs_size(); ++i) {
    if (job->inputs(i).path().starts_with('@')) continue;
    SplitInput& input = inputs->emplace_back();
    input.input = static_cast<uint32_t>(i);
    ASSIGN_OR_RETURN(input.files,
                     FindInputFiles(dfs_, job->inputs(i), job->limits().split_bytes()));
  }
  return absl::OkStatus();
}

absl::Status DfsPipelinePlanner::CheckTarget(const std::string& path, bool overwrite,
                                             const std::vector<SplitInput>& inputs) {
  const absl::StatusOr<client::FileStatus> status = dfs_->Stat(path);
  if (status.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  RETURN_IF_ERROR(status.status());
  if (!overwrite) {
    return AlreadyExistsError("output: {}: exists already. Try: --overwrite, or another path",
                              path);
  }
  ASSIGN_OR_RETURN(const ExistingOutput existing, ReadExistingOutput(dfs_, path));
  RETURN_IF_ERROR(CheckReplaceable(path, existing));
  return CheckNoInputBelow(path, inputs);
}

absl::StatusOr<uint32_t> DfsPipelinePlanner::ReplicationBetweenStages() {
  constexpr uint32_t kWanted = 2;
  ASSIGN_OR_RETURN(const client::ClusterStatus cluster, dfs_->GetCluster());
  const auto alive = static_cast<uint32_t>(
      std::count_if(cluster.servers.begin(), cluster.servers.end(),
                    [](const client::ClusterStatus::Server& server) { return server.alive; }));
  return std::clamp(std::min(alive, cluster.default_replication), uint32_t{1}, kWanted);
}

}  // namespace quern::mr
