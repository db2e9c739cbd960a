// The outputs of a stage and where they lie: one directory for each, between the stages or where
// its user wants it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/coordinator/logic/stage_choice.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/stage_job.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

// An output that has a directory of its own.
struct OutputTarget {
  std::string name;     // empty: the main one
  std::string written;  // where its user wants it, as the spec says it; empty: nowhere
  std::string path;     // the same, absolute

  // It is a part of the directory that is the pipeline's own output, or (".") what lies at its top.
  bool is_below() const { return !written.empty() && !written.starts_with('/'); }
};
// The main one first.
std::vector<OutputTarget> OutputsOf(const pb::PipelineSpec& spec, const pb::PipelineStage& stage);

// For ChooseStages, without offers.
std::vector<ReusableStage> DescribeOutputs(const pb::PipelineSpec& spec,
                                           const PipelineGraph& graph);

// What PlaceOf answers from now on.
void SetPlace(const std::string& name, std::string path, pb::StageOutput* output);

// The pipeline that a path lies in the directory of; nothing for one at a user's path.
std::optional<std::string> OwnerOfPath(std::string_view path);
// The pipeline in whose directory some of it lies; nothing when it is all at users' paths.
std::optional<std::string> OwnerOf(const pb::StageOutput& output);

// Makes of what an earlier run has left after some rounds what it is to this stage, which may have
// more of them or fewer: done, or to go on from. False when it is neither.
bool TakeRounds(const pb::PipelineStage& stage, pb::StageOutput* output);

// A pipeline of that spec publishes some of the output out of an earlier pipeline's directory.
bool IsTaken(const pb::PipelineSpec& spec, const pb::PipelineStage& stage,
             const pb::StageOutput& output);

}  // namespace quern::mr
