#include "mapreduce/coordinator/service/pipeline.h"

#include <algorithm>
#include <utility>

#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/coordinator/service/stage_output.h"
#include "mapreduce/plan/pipeline_paths.h"
#include "mapreduce/plan/stage_job.h"

namespace quern::mr {
namespace {

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
  if (spec.job().has_counter_meanings()) {
    *status.mutable_counter_meanings() = spec.job().counter_meanings();
  }
  return status;
}

}  // namespace

std::vector<StageRule> MakeStageRules(const pb::PipelineSpec& spec, const PipelineGraph& graph) {
  std::vector<StageRule> rules;
  for (size_t i = 0; i < graph.stages.size(); ++i) {
    const pb::PipelineStage& stage = spec.stages(static_cast<int>(i));
    StageRule& rule = rules.emplace_back();
    rule.name = stage.name();
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
    pipeline.input_digests.push_back(stage.input_digest());
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
  StageOutputs outputs;
  for (size_t i = 0; i < pipeline.outputs.size(); ++i) {
    outputs[pipeline.stage(i).name()] = pipeline.outputs[i];
  }
  ASSIGN_OR_RETURN(pb::JobSpec job,
                   MakeRoundJob(pipeline.spec, stage, round.round, outputs,
                                RoundPath(pipeline.id, stage.name(), round.round)));
  job.set_pipeline_id(pipeline.id);
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
  for (const OutputTarget& one : OutputsOf(pipeline.spec, pipeline.stage(round.stage))) {
    SetPlace(one.name, StageOutputPath(job.output_path(), one.name), &output);
  }
  output.set_job_id(job.job_id());
  *output.mutable_counters() = job.counters();
  return output;
}

void ForgetFingerprint(size_t stage, Pipeline* pipeline) {
  const absl::StatusOr<PipelineGraph> graph = CheckPipelineSpec(pipeline->spec);
  std::vector<size_t> changed = {stage};
  while (!changed.empty()) {
    const size_t read = changed.back();
    changed.pop_back();
    pipeline->fingerprints[read].clear();
    for (size_t i = 0; graph.ok() && i < graph->stages.size(); ++i) {
      const std::vector<size_t>& reads = graph->stages[i].reads;
      if (pipeline->fingerprints[i].empty()) continue;
      if (std::find(reads.begin(), reads.end(), read) != reads.end()) changed.push_back(i);
    }
  }
}

bool ConditionHolds(const pb::PipelineStage& stage, const pb::StageOutput& output) {
  return RoundHolds(stage, output.counters());
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
