#include "mapreduce/coordinator/service/planner.h"

#include <utility>

#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/range_bounds.h"

namespace quern::mr {

absl::StatusOr<PlannedJob> Planner::Plan(pb::JobSpec spec, uint32_t cluster_slots) {
  FillDefaults(&spec);
  RETURN_IF_ERROR(CheckJobSpec(spec));
  ASSIGN_OR_RETURN(const std::vector<std::string> replaced, CheckOutputPaths(spec));
  ASSIGN_OR_RETURN(const PluginInfo plugin, plugins_.Check(spec.plugin()));
  RETURN_IF_ERROR(CheckSideFiles(dfs_, spec));
  RETURN_IF_ERROR(ResolveClasses(plugin, &spec));
  PlannedJob plan;
  ASSIGN_OR_RETURN(const std::vector<SplitInput> inputs, FindInputs(spec, &plan.input_bytes));
  for (const std::string& path : replaced) {
    RETURN_IF_ERROR(CheckNoInputBelow(path, inputs));
    RETURN_IF_ERROR(CheckNoSideFileBelow(path, spec));
  }
  if (!spec.reduce().has_tasks()) {
    spec.mutable_reduce()->set_tasks(DefaultReduceTasks(plan.input_bytes, cluster_slots));
  }
  plan.map_splits = PlanSplits(inputs, spec.limits().split_bytes());
  EnsureOnePart(spec, &plan.map_splits);
  // One reduce task takes every key: there is nothing to divide, and nothing to sample.
  if (spec.reduce().partitioner() == "range" && spec.reduce().tasks() > 1) {
    SamplePlan sample = PlanSample(spec, plan.map_splits);
    plan.sample_splits = std::move(sample.splits);
    plan.sample_bytes = sample.sample_bytes;
    plan.sample_keys = sample.sample_keys;
  }
  plan.spec = std::move(spec);
  return plan;
}

absl::StatusOr<std::vector<std::string>> Planner::CheckOutputPaths(const pb::JobSpec& spec) {
  std::vector<std::string> replaced;
  for (const std::string& path : OutputPaths(spec)) {
    ASSIGN_OR_RETURN(const bool replaces, CheckOutputPath(dfs_, path, spec.output().overwrite()));
    if (replaces) replaced.push_back(path);
  }
  return replaced;
}

absl::StatusOr<std::vector<SplitInput>> Planner::FindInputs(const pb::JobSpec& spec,
                                                            uint64_t* bytes) {
  std::vector<SplitInput> inputs;
  for (int i = 0; i < spec.inputs_size(); ++i) {
    SplitInput& input = inputs.emplace_back();
    input.input = static_cast<uint32_t>(i);
    ASSIGN_OR_RETURN(input.files,
                     FindInputFiles(dfs_, spec.inputs(i), spec.limits().split_bytes()));
    RETURN_IF_ERROR(CheckFormatsInstalled(input.files));
    for (const InputFile& file : input.files) *bytes += file.length;
  }
  return inputs;
}

}  // namespace quern::mr
