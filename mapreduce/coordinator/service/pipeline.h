// One pipeline as the coordinator knows it.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"
#include "mapreduce/coordinator/logic/pipeline_stages.h"
#include "mapreduce/coordinator/service/wish_to_kill.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/journal.pb.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

struct Pipeline {
  JobKey key;
  std::string id;
  pb::PipelineSpec spec;  // with every default filled in
  // Of the request that made it.
  uint64_t client_id = 0;
  uint64_t request_id = 0;
  // Of the requests that make its jobs.
  uint64_t jobs_client_id = 0;
  absl::Time submitted;
  // Not so of one that an earlier coordinator died in accepting; rounds see to it, and where none
  // runs the publication.
  bool has_directory = false;

  // While it runs. One entry for each stage of the spec.
  std::optional<PipelineStages> stages;
  std::vector<std::string> fingerprints;   // empty: of what else it was made nobody knows
  std::vector<std::string> input_digests;  // as it was accepted; empty: not known
  std::vector<pb::StageOutput> outputs;    // of the last round that succeeded, or of an earlier run
  std::vector<std::string> job_ids;        // of the newest round
  bool publishing = false;
  std::optional<WishToKill> kill_wish;
  // What has become of the publication is decided.
  bool settled = false;

  // Set when it has ended.
  std::optional<pb::JobStatus> final_status;
  std::vector<pb::StageOutput> kept_outputs;
  bool kept = false;

  bool ended() const { return final_status.has_value(); }
  bool succeeded() const { return ended() && final_status->state() == pb::JOB_STATE_SUCCEEDED; }
  const pb::PipelineStage& stage(size_t i) const { return spec.stages(static_cast<int>(i)); }
};

std::vector<StageRule> MakeStageRules(const pb::PipelineSpec& spec, const PipelineGraph& graph);

// From the first record of a pipeline. DataLoss when its spec cannot be one.
absl::StatusOr<Pipeline> MakePipeline(JobKey key, const pb::PipelineSubmitted& submitted,
                                      absl::Time time);

// The job of one round, its inputs, output and parameters filled in.
absl::StatusOr<pb::JobSpec> MakeStageJob(const Pipeline& pipeline,
                                         const PipelineStages::Round& round);
// The request that makes it, the same whoever asks.
uint64_t StageRequestId(const PipelineStages::Round& round);

// What a round has left behind, from the status of its job that succeeded.
pb::StageOutput MakeStageOutput(const Pipeline& pipeline, const PipelineStages::Round& round,
                                const pb::JobStatus& job);
// What the stage makes, and whatever reads it, is not of what its fingerprint says.
void ForgetFingerprint(size_t stage, Pipeline* pipeline);
// Whether the stage's condition holds after it.
bool ConditionHolds(const pb::PipelineStage& stage, const pb::StageOutput& output);

// For users. Progress of the jobs that run is left to the caller.
pb::JobStatus MakePipelineStatus(const Pipeline& pipeline);

}  // namespace quern::mr
