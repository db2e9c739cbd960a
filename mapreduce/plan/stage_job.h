// The job of one round of a pipeline's stage: the same whoever runs the pipeline.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/pipeline_params.h"
#include "quern/mr/v1/pipelines.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Of the last round of each stage that has run, by name.
using StageOutputs = std::map<std::string, pb::StageOutput, std::less<>>;

// Where the output of that name lies, "" the main one; empty when it is gone.
std::string PlaceOf(const pb::StageOutput& output, std::string_view name);

// Inputs, output and parameters are filled in; rounds count from 1. `path` is where the round's
// main output goes. What it reads of other stages has to be in `outputs`.
absl::StatusOr<pb::JobSpec> MakeRoundJob(const pb::PipelineSpec& spec,
                                         const pb::PipelineStage& stage, uint32_t round,
                                         const StageOutputs& outputs, const std::string& path);

// Whether the stage's condition holds after a round with these counters; false when it has none.
bool RoundHolds(const pb::PipelineStage& stage, const CounterList& counters);

// What a round counted: a counter of an earlier round (`before` is the stage's last output) that
// somebody asks for stays, as 0, when no task of this round has made it.
void KeepCounters(const pb::PipelineSpec& spec, const pb::PipelineStage& stage,
                  const CounterList& before, CounterList* counters);

// NotFound when the stage's condition is about a counter that neither this round, with what
// KeepCounters has kept, nor an earlier one has made.
absl::Status CheckRoundCounter(const pb::PipelineStage& stage, const CounterList& counters);

}  // namespace quern::mr
