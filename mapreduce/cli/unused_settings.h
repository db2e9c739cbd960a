// What the command line sets of a pipeline and what would change nothing.
#pragma once

#include <vector>

#include "common/status.h"
#include "mapreduce/cli/pipeline_spec.h"

namespace quern::mr {

// A parameter that nothing reads is a mistake. One that only a stage reads which is left out may
// become of use again: `stages` are all of the file.
absl::Status CheckParamsAreRead(const PipelineFile& file, const std::vector<LoadedStage>& stages);

// InvalidArgument when one of the settings (SetPipelineKey) is of a stage that is left out, or a
// parameter that only such stages read, unless the command line itself says `SWITCH=false`: that is
// how scripts say it. Likewise when it is a parameter of which every stage that reads it has a
// value of its own, which goes over that of the pipeline. `stages` are all of the file.
absl::Status CheckSettingsAreUsed(const PipelineFile& file, const std::vector<LoadedStage>& stages);

}  // namespace quern::mr
