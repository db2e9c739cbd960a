#include "mapreduce/plan/stage_job.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

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

StringSet StageNames(const pb::PipelineSpec& spec) {
  StringSet names;
  for (const pb::PipelineStage& stage : spec.stages()) names.insert(stage.name());
  return names;
}

// The counters of `stage` that its condition or parameters of any stage are about.
std::set<std::string> AskedFor(const pb::PipelineSpec& spec, const pb::PipelineStage& stage) {
  std::set<std::string> asked;
  const auto until = ParseRoundCondition(stage.repeat().until());
  if (until.ok()) asked.insert(until->counter);
  const StringSet names = StageNames(spec);
  for (const pb::PipelineStage& reader : spec.stages()) {
    for (const auto& [name, text] : reader.job().params()) {
      const auto references = FindReferences(text, names);
      if (!references.ok()) continue;  // its own round says so
      for (const ParamReference& reference : *references) {
        const std::string& of = reference.stage.empty() ? reader.name() : reference.stage;
        if (!reference.is_round && of == stage.name()) asked.insert(reference.counter);
      }
    }
  }
  return asked;
}

absl::Status FillParams(const pb::PipelineSpec& spec, const std::string& own, uint32_t round,
                        const StageOutputs& outputs, pb::JobSpec* job) {
  const StringSet names = StageNames(spec);
  absl::Status missing;
  const auto value = [&](const ParamReference& reference) -> std::string {
    if (reference.is_round) return std::to_string(round);
    const bool is_own = reference.stage.empty() || reference.stage == own;
    if (is_own && round == 1) return reference.first;
    const std::string& stage = is_own ? own : reference.stage;
    const absl::StatusOr<int64_t> counted =
        FindCounter(OutputOf(outputs, stage).counters(), reference.counter, stage);
    missing.Update(counted.status());
    return std::to_string(counted.value_or(0));
  };
  for (auto& [name, text] : *job->mutable_params()) {
    ASSIGN_OR_RETURN(text, ExpandParam(text, names, value));
    RETURN_IF_ERROR(Annotate(missing, fmt::format("params.{}", name)));
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

bool RoundHolds(const pb::PipelineStage& stage, const CounterList& counters) {
  if (!stage.has_repeat() || stage.repeat().until().empty()) return false;
  const absl::StatusOr<RoundCondition> until = ParseRoundCondition(stage.repeat().until());
  return until.ok() && until->Holds(CounterValue(counters, until->counter));
}

void KeepCounters(const pb::PipelineSpec& spec, const pb::PipelineStage& stage,
                  const CounterList& before, CounterList* counters) {
  if (before.empty()) return;
  const std::set<std::string> asked = AskedFor(spec, stage);
  for (const pb::Counter& counter : before) {
    if (counter.group() != "user" || !asked.contains(counter.name())) continue;
    const bool is_there = std::any_of(counters->begin(), counters->end(), [&](const auto& one) {
      return one.group() == counter.group() && one.name() == counter.name();
    });
    if (is_there) continue;
    pb::Counter* const kept = counters->Add();
    *kept = counter;
    kept->set_value(0);
  }
}

absl::Status CheckRoundCounter(const pb::PipelineStage& stage, const CounterList& counters) {
  if (!stage.has_repeat() || stage.repeat().until().empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const RoundCondition until, ParseRoundCondition(stage.repeat().until()));
  return Annotate(FindCounter(counters, until.counter, stage.name()).status(),
                  fmt::format("repeat: until: '{}'", stage.repeat().until()));
}

}  // namespace quern::mr
