// Stages of a pipeline that are there only when a parameter is set, and what is read instead of
// them when they are not.
#pragma once

#include <vector>

#include "common/status.h"
#include "mapreduce/cli/pipeline_spec.h"

namespace quern::mr {

// It waits for a parameter which nobody has set, or has set to `false`.
bool IsLeftOut(const PipelineFile& file, const StageFile& stage);

// Takes those out of `stages` that wait for a parameter which nobody has set, and has the others
// read what stands for them: everything behind this knows only stages that run. InvalidArgument
// when none is left, when a stage reads one that is left out and for which nothing stands, or when
// an `otherwise` makes no sense, whether it is needed or not.
absl::Status LeaveOutStages(const PipelineFile& file, std::vector<LoadedStage>* stages);

}  // namespace quern::mr
