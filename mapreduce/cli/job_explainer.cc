#include "mapreduce/cli/job_explainer.h"

#include <utility>

#include "mapreduce/cli/plugin_upload.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/plan/input_files.h"
#include "mapreduce/plan/job_spec_rules.h"
#include "mapreduce/plan/overwrite_rules.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/plugin_check.h"

namespace quern::mr {

bool JobExplanation::size_is_known() const {
  for (const Input& input : inputs) {
    if (input.of_stage) return false;
  }
  return true;
}

uint64_t JobExplanation::bytes() const {
  uint64_t bytes = 0;
  for (const Input& input : inputs) bytes += input.bytes;
  return bytes;
}

void JobExplainer::NoteProblem(const absl::Status& status, JobExplanation* plan) {
  if (status.ok()) return;
  // Said once: each question would wait for it again.
  away_ = away_ || status.code() == absl::StatusCode::kUnavailable;
  plan->problems.emplace_back(Message(status));
}

JobExplanation JobExplainer::Explain(pb::JobSpec spec, const PluginInfo& plugin) {
  JobExplanation plan;
  plan.spec = std::move(spec);
  FillDefaults(&plan.spec);
  NoteProblem(CheckJobSpec(plan.spec, {.local = local_, .runs_here = local_}), &plan);
  NoteProblem(CheckUsersOutputs(plan.spec), &plan);
  NoteProblem(ResolveClasses(plugin, &plan.spec), &plan);
  all_inputs_.clear();
  FindInputs(&plan);
  CheckSideFiles(&plan);
  for (const std::string& path : OutputPaths(plan.spec)) {
    CheckOutput(path, plan.spec.output().overwrite(), all_inputs_, &plan);
  }
  return plan;
}

JobExplanation JobExplainer::ExplainStage(const pb::PipelineStage& stage,
                                          const PluginInfo& plugin) {
  JobExplanation plan;
  plan.stage = stage.name();
  plan.rounds = stage.has_repeat() ? stage.repeat().max() : 1;
  pb::PipelineStage filled = stage;
  FillStageDefaults(filled.mutable_job());
  plan.spec = FirstRoundJob(filled);
  NoteProblem(CheckJobSpec(StageJobToCheck(filled), {.local = local_, .runs_here = local_}), &plan);
  NoteProblem(ResolveClasses(plugin, &plan.spec), &plan);
  FindInputs(&plan);
  CheckSideFiles(&plan);
  return plan;
}

void JobExplainer::FindInputs(JobExplanation* plan) {
  const pb::JobSpec& spec = plan->spec;
  std::vector<SplitInput> inputs;
  for (int i = 0; i < spec.inputs_size(); ++i) {
    const pb::JobSpec::Input& input = spec.inputs(i);
    JobExplanation::Input& described = plan->inputs.emplace_back();
    described.path = input.path();
    described.format = input.format();
    described.mapper = input.mapper();
    described.of_stage = input.path().starts_with('@');
    if (described.of_stage || away_) continue;
    auto files = FindInputFiles(dfs_, input, spec.limits().split_bytes());
    if (!files.ok()) {
      NoteProblem(SayIfHere(files.status(), PathUse::kInput, input.path(), said_), plan);
      continue;
    }
    described.files = files->size();
    for (const InputFile& file : *files) {
      described.bytes += file.length;
      const std::string format(file.format->name());
      if (format != input.format()) ++described.files_of[format];
    }
    // That of the input itself was looked at with the spec.
    if (local_ && !described.files_of.empty()) NoteProblem(CheckFormatsInstalled(*files), plan);
    inputs.push_back({static_cast<uint32_t>(i), *std::move(files)});
  }
  plan->splits = PlanSplits(inputs, spec.limits().split_bytes());
  for (const pb::Split& split : plan->splits) {
    ++plan->inputs[split.input()].splits;
    uint64_t bytes = 0;
    for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
    for (const std::string& node : split.nodes()) plan->bytes_on[node] += bytes;
  }
  if (!spec.reduce().has_tasks() && plan->size_is_known() && slots_ > 0) {
    plan->spec.mutable_reduce()->set_tasks(DefaultReduceTasks(plan->bytes(), slots_));
  }
  std::move(inputs.begin(), inputs.end(), std::back_inserter(all_inputs_));
}

void JobExplainer::CheckSideFiles(JobExplanation* plan) {
  for (const pb::JobSpec::SideFile& side : plan->spec.files()) {
    const std::string& path = side.file().path();
    if (away_ && !IsLocalPath(path)) continue;
    const absl::StatusOr<uint64_t> bytes = SideFileBytes(dfs_, path);
    absl::Status usable = bytes.status();
    // One process uses those of its machine where they lie and may have others of any size.
    if (usable.ok() && !local_) usable = CheckSideFileBytes(path, *bytes);
    NoteProblem(SayIfHere(Annotate(usable, "files"), PathUse::kSideFile, path, said_), plan);
  }
}

void JobExplainer::CheckOutput(const std::string& path, bool overwrite,
                               const std::vector<SplitInput>& inputs, JobExplanation* plan) {
  if (path.empty() || away_) return;
  const absl::StatusOr<bool> replaces = CheckOutputPath(dfs_, path, overwrite);
  NoteProblem(replaces.status(), plan);
  if (!replaces.ok() || !*replaces) return;
  NoteProblem(CheckNoInputBelow(path, inputs), plan);
  NoteProblem(CheckNoSideFileBelow(path, plan->spec), plan);
}

}  // namespace quern::mr
