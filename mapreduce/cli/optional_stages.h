// Stages of a pipeline that are there only when a parameter is set, and what is read instead of
// them when they are not.
#pragma once

#include <vector>

#include "common/status.h"
#include "mapreduce/cli/pipeline_spec.h"

namespace quern::mr {

// What the parameter says that a stage waits for (`when`).
enum class Switch {
  kUnset,  // nobody has set it, or to nothing
  kOff,    // `false`, in any case: somebody has left the stage out
  kOn,     // anything else: it may be the name of a file that the stage reads
};
Switch SwitchOf(const PipelineFile& file, const StageFile& stage);

// It waits for a parameter, which is not on.
bool IsLeftOut(const PipelineFile& file, const StageFile& stage);

// Takes those out of `stages` that wait for a parameter which nobody has set, and has the others
// read what stands for them: everything behind this knows only stages that run. InvalidArgument
// when none is left, when a stage reads one that is left out and for which nothing stands, when two
// that wait for different parameters have one output, or when an `otherwise` makes no sense,
// whether it is needed or not.
absl::Status LeaveOutStages(const PipelineFile& file, std::vector<LoadedStage>* stages);

}  // namespace quern::mr
