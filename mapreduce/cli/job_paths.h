// The paths of a job: those of the command line, or those of its spec.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/job_spec.h"

namespace quern::mr {

// For a command line without any: UsageError unless the spec names all. `command` as in "mr run".
absl::Status CheckHasPaths(const SpecFile& file, std::string_view command);

// One [[input]] stands for any number of paths; several stand for one path each, in their order.
absl::Status SetInputs(const std::vector<std::string>& paths, std::string_view command,
                       SpecFile* file);

}  // namespace quern::mr
