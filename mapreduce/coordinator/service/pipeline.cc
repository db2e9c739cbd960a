#include "mapreduce/coordinator/service/pipeline.h"

#include <algorithm>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/plan/pipeline_params.h"
#include "mapreduce/plan/pipeline_paths.h"

namespace quern::mr {
namespace {

constexpr std::string_view kIdPrefix = "pipeline-";

StringSet StageNames(const pb::PipelineSpec& spec) {
  StringSet names;
  for (const pb::PipelineStage& stage : spec.stages()) names.insert(stage.name());
  return names;
}

const pb::StageOutput& OutputOf(const Pipeline& pipeline, std::string_view stage) {
  static const auto* const kNone = new pb::StageOutput();
  for (size_t i = 0; i < pipeline.outputs.size(); ++i) {
    if (pipeline.stage(i).name() == stage) return pipeline.outputs[i];
  }
  return *kNone;
}

// "extract", "filter-rejected".
std::string StageOutputName(const StageReference& reference) {
  return reference.output.empty() ? reference.stage
                                  : fmt::format("{}-{}", reference.stage, reference.output);
}

// The inputs of a round; the stage's own output is none before the first.
void FillInputs(const Pipeline& pipeline, const PipelineStages::Round& round, pb::JobSpec* job) {
  const pb::PipelineStage& stage = pipeline.stage(round.stage);
  google::protobuf::RepeatedPtrField<pb::JobSpec::Input> inputs;
  for (pb::JobSpec::Input input : job->inputs()) {
    std::optional<StageReference> reference = ParseStageReference(input.path());
    if (reference && reference->stage == stage.name() && round.round == 1) {
      if (stage.repeat().first().empty()) continue;
      input.set_path(stage.repeat().first());
      reference = ParseStageReference(input.path());
    }
    if (reference) {
      input.set_path(
          StageOutputPath(OutputOf(pipeline, reference->stage).path(), reference->output));
      // Its directory is called by a number, which tells a mapper nothing.
      if (input.tag().empty()) input.set_tag(StageOutputName(*reference));
    }
    *inputs.Add() = std::move(input);
  }
  job->mutable_inputs()->Swap(&inputs);
}

absl::Status FillParams(const Pipeline& pipeline, const PipelineStages::Round& round,
                        pb::JobSpec* job) {
  const std::string& own = pipeline.stage(round.stage).name();
  const StringSet names = StageNames(pipeline.spec);
  const auto value = [&](const ParamReference& reference) -> std::string {
    if (reference.is_round) return std::to_string(round.round);
    const bool is_own = reference.stage.empty() || reference.stage == own;
    if (is_own && round.round == 1) return reference.first;
    const pb::StageOutput& output = OutputOf(pipeline, is_own ? own : reference.stage);
    return std::to_string(CounterValue(output.counters(), reference.counter));
  };
  for (auto& [name, text] : *job->mutable_params()) {
    ASSIGN_OR_RETURN(text, ExpandParam(text, names, value));
  }
  return absl::OkStatus();
}

pb::JobStatus::Stage::State ToProto(StageState state) {
  using Stage = pb::JobStatus::Stage;
  switch (state) {
    case StageState::kWaiting:
      return Stage::STATE_WAITING;
    case StageState::kRunning:
      return Stage::STATE_RUNNING;
    case StageState::kDone:
      return Stage::STATE_DONE;
    case StageState::kReused:
      return Stage::STATE_REUSED;
    case StageState::kNotNeeded:
      return Stage::STATE_NOT_NEEDED;
    case StageState::kFailed:
      return Stage::STATE_FAILED;
    case StageState::kStopped:
      return Stage::STATE_STOPPED;
  }
  return Stage::STATE_UNSPECIFIED;
}

pb::JobStatus::Stage MakeStageStatus(const Pipeline& pipeline, size_t i) {
  const PipelineStages::Stage& stage = pipeline.stages->stage(i);
  const pb::PipelineStage& spec = pipeline.stage(i);
  const pb::StageOutput& output = pipeline.outputs[i];
  pb::JobStatus::Stage status;
  status.set_name(spec.name());
  status.set_state(ToProto(stage.state));
  status.set_rounds(stage.state == StageState::kReused ? output.rounds() : stage.rounds);
  status.set_max_rounds(spec.has_repeat() ? spec.repeat().max() : 1);
  status.set_job_id(pipeline.job_ids[i].empty() ? output.job_id() : pipeline.job_ids[i]);
  status.set_started_ms(ToMillis(stage.started));
  status.set_finished_ms(ToMillis(stage.finished));
  status.set_output_path(output.path());
  *status.mutable_counters() = output.counters();
  return status;
}

}  // namespace

std::string FormatPipelineId(std::string_view day, uint32_t number) {
  return fmt::format("{}{}-{:04}", kIdPrefix, day, number);
}

bool IsPipelineId(std::string_view id) { return id.starts_with(kIdPrefix); }

std::vector<StageRule> MakeStageRules(const pb::PipelineSpec& spec, const PipelineGraph& graph) {
  std::vector<StageRule> rules;
  for (size_t i = 0; i < graph.stages.size(); ++i) {
    const pb::PipelineStage& stage = spec.stages(static_cast<int>(i));
    StageRule& rule = rules.emplace_back();
    rule.reads = graph.stages[i].reads;
    if (!stage.has_repeat()) continue;
    rule.repeats = true;
    rule.max_rounds = stage.repeat().max();
    rule.in_a_row = std::max<uint32_t>(1, stage.repeat().in_a_row());
    rule.fail_at_max = stage.repeat().fail_at_max();
  }
  return rules;
}

absl::StatusOr<Pipeline> MakePipeline(JobKey key, const pb::PipelineSubmitted& submitted,
                                      absl::Time time) {
  Pipeline pipeline;
  const absl::StatusOr<PipelineGraph> graph = CheckPipelineSpec(submitted.spec());
  if (!graph.ok() || submitted.stages_size() != submitted.spec().stages_size()) {
    return DataLossError("its spec cannot be read: {}", Message(graph.status()));
  }
  pipeline.key = key;
  pipeline.id = submitted.pipeline_id();
  pipeline.spec = submitted.spec();
  pipeline.client_id = submitted.client_id();
  pipeline.request_id = submitted.request_id();
  pipeline.jobs_client_id = submitted.jobs_client_id();
  pipeline.submitted = time;
  pipeline.stages.emplace(MakeStageRules(pipeline.spec, *graph));
  pipeline.job_ids.resize(pipeline.stages->size());
  for (size_t i = 0; i < pipeline.stages->size(); ++i) {
    const pb::PipelineSubmitted::Stage& stage = submitted.stages(static_cast<int>(i));
    pipeline.fingerprints.push_back(stage.fingerprint());
    pipeline.outputs.push_back(stage.reused());
    if (stage.not_needed()) {
      pipeline.stages->Spare(i);
    } else if (stage.reused().done()) {
      pipeline.stages->Reuse(i);
    } else {
      pipeline.stages->Continue(i, stage.reused().rounds(), stage.reused().settled());
    }
  }
  return pipeline;
}

absl::StatusOr<pb::JobSpec> MakeStageJob(const Pipeline& pipeline,
                                         const PipelineStages::Round& round) {
  const pb::PipelineStage& stage = pipeline.stage(round.stage);
  pb::JobSpec job = stage.job();
  job.set_name(stage.has_repeat()
                   ? fmt::format("{}/{} {}", pipeline.spec.name(), stage.name(), round.round)
                   : fmt::format("{}/{}", pipeline.spec.name(), stage.name()));
  job.set_user(pipeline.spec.user());
  job.set_command(pipeline.spec.command());
  job.set_pipeline_id(pipeline.id);
  FillInputs(pipeline, round, &job);
  RETURN_IF_ERROR(FillParams(pipeline, round, &job));
  const std::string path = RoundPath(pipeline.id, stage.name(), round.round);
  job.mutable_output()->set_path(path);
  job.mutable_output()->set_overwrite(false);
  for (pb::JobSpec::NamedOutput& output : *job.mutable_outputs()) {
    output.mutable_output()->set_path(
        StageOutputPath(path, IsBesideMain(output) ? "" : output.name()));
  }
  return job;
}

uint64_t StageRequestId(const PipelineStages::Round& round) {
  return (static_cast<uint64_t>(round.stage + 1) << 32) | round.round;
}

pb::StageOutput MakeStageOutput(const Pipeline& pipeline, const PipelineStages::Round& round,
                                const pb::JobStatus& job) {
  pb::StageOutput output;
  output.set_stage(pipeline.stage(round.stage).name());
  output.set_fingerprint(pipeline.fingerprints[round.stage]);
  output.set_rounds(round.round);
  output.set_path(job.output_path());
  output.set_job_id(job.job_id());
  *output.mutable_counters() = job.counters();
  return output;
}

bool ConditionHolds(const pb::PipelineStage& stage, const pb::StageOutput& output) {
  if (!stage.has_repeat() || stage.repeat().until().empty()) return false;
  const absl::StatusOr<RoundCondition> until = ParseRoundCondition(stage.repeat().until());
  return until.ok() && until->Holds(CounterValue(output.counters(), until->counter));
}

pb::JobStatus MakePipelineStatus(const Pipeline& pipeline) {
  if (pipeline.final_status) return *pipeline.final_status;
  pb::JobStatus status;
  status.set_job_id(pipeline.id);
  status.set_name(pipeline.spec.name());
  status.set_user(pipeline.spec.user());
  status.set_state(pipeline.publishing ? pb::JOB_STATE_COMMITTING : pb::JOB_STATE_RUNNING);
  status.set_submitted_ms(ToMillis(pipeline.submitted));
  status.set_started_ms(ToMillis(pipeline.submitted));
  status.set_command(pipeline.spec.command());
  status.set_output_path(pipeline.spec.output_path());
  status.set_reason(pipeline.stages->reason());
  for (size_t i = 0; i < pipeline.stages->size(); ++i) {
    *status.add_stages() = MakeStageStatus(pipeline, i);
    const std::string published =
        PublishedPath(pipeline.spec, pipeline.stage(i).job().output().path());
    if (status.output_path().empty()) status.set_output_path(published);
  }
  return status;
}

}  // namespace quern::mr
