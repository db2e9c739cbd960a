#include "mapreduce/plan/stage_job.h"

#include <optional>
#include <utility>

#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/pipeline_rules.h"

namespace quern::mr {
namespace {

const pb::StageOutput& OutputOf(const StageOutputs& outputs, std::string_view stage) {
  static const auto* const kNone = new pb::StageOutput();
  const auto found = outputs.find(stage);
  return found == outputs.end() ? *kNone : found->second;
}

// "extract", "filter-rejected".
std::string StageOutputName(const StageReference& reference) {
  return reference.output.empty() ? reference.stage
                                  : fmt::format("{}-{}", reference.stage, reference.output);
}

// The inputs of a round; before the first there is no own output, and what stands for it is filled
// in already.
void FillInputs(const pb::PipelineStage& stage, uint32_t round, const StageOutputs& outputs,
                pb::JobSpec* job) {
  google::protobuf::RepeatedPtrField<pb::JobSpec::Input> inputs;
  for (pb::JobSpec::Input input : job->inputs()) {
    const std::optional<StageReference> reference = ParseStageReference(input.path());
    if (reference) {
      if (reference->stage == stage.name() && round == 1) continue;
      input.set_path(PlaceOf(OutputOf(outputs, reference->stage), reference->output));
      // Its directory is called by a number, which tells a mapper nothing.
      if (input.tag().empty()) input.set_tag(StageOutputName(*reference));
    }
    *inputs.Add() = std::move(input);
  }
  job->mutable_inputs()->Swap(&inputs);
}

absl::Status FillParams(const pb::PipelineSpec& spec, const std::string& own, uint32_t round,
                        const StageOutputs& outputs, pb::JobSpec* job) {
  StringSet names;
  for (const pb::PipelineStage& stage : spec.stages()) names.insert(stage.name());
  const auto value = [&](const ParamReference& reference) -> std::string {
    if (reference.is_round) return std::to_string(round);
    const bool is_own = reference.stage.empty() || reference.stage == own;
    if (is_own && round == 1) return reference.first;
    const pb::StageOutput& output = OutputOf(outputs, is_own ? own : reference.stage);
    return std::to_string(CounterValue(output.counters(), reference.counter));
  };
  for (auto& [name, text] : *job->mutable_params()) {
    ASSIGN_OR_RETURN(text, ExpandParam(text, names, value));
  }
  return absl::OkStatus();
}

}  // namespace

std::string PlaceOf(const pb::StageOutput& output, std::string_view name) {
  if (name.empty()) return output.path();
  for (const pb::StageOutput::Named& named : output.named()) {
    if (named.name() == name) return named.path();
  }
  return output.path().empty() ? "" : StageOutputPath(output.path(), name);
}

absl::StatusOr<pb::JobSpec> MakeRoundJob(const pb::PipelineSpec& spec,
                                         const pb::PipelineStage& stage, uint32_t round,
                                         const StageOutputs& outputs, const std::string& path) {
  pb::JobSpec job = round == 1 ? FirstRoundJob(stage) : stage.job();
  job.set_name(stage.has_repeat() ? fmt::format("{}/{} {}", spec.name(), stage.name(), round)
                                  : fmt::format("{}/{}", spec.name(), stage.name()));
  job.set_user(spec.user());
  job.set_command(spec.command());
  FillInputs(stage, round, outputs, &job);
  RETURN_IF_ERROR(FillParams(spec, stage.name(), round, outputs, &job));
  job.mutable_output()->set_path(path);
  job.mutable_output()->set_overwrite(false);
  for (pb::JobSpec::NamedOutput& output : *job.mutable_outputs()) {
    output.mutable_output()->set_path(
        StageOutputPath(path, IsBesideMain(output) ? "" : output.name()));
  }
  return job;
}

bool RoundHolds(const pb::PipelineStage& stage,
                const google::protobuf::RepeatedPtrField<pb::Counter>& counters) {
  if (!stage.has_repeat() || stage.repeat().until().empty()) return false;
  const absl::StatusOr<RoundCondition> until = ParseRoundCondition(stage.repeat().until());
  return until.ok() && until->Holds(CounterValue(counters, until->counter));
}

}  // namespace quern::mr
