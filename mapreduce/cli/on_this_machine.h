// Paths of the cluster under which nothing lies there, but on this machine: whoever has named one
// meant file:///PATH, or has not put it into the cluster yet, and is told so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Where a path may stand on the command line of mr run.
struct SaidPaths {
  std::vector<std::string> settings = {};  // of --set
  std::vector<std::string> files = {};     // of --files
  bool local = false;                      // --local: inputs may be of this machine too
};

enum class PathUse : uint8_t { kInput, kSideFile };

// `missing` is why `path` of the cluster could not be found there. Where this machine has it, this
// says so and which flag takes it; else it is `missing` itself. A cluster that does not answer
// counts with --local only, which may well run without one.
absl::Status SayIfHere(const absl::Status& missing, PathUse use, const std::string& path,
                       const SaidPaths& said);

// The same of all paths of a job that this machine has too: the cluster is asked for no others.
absl::Status CheckNotOnlyHere(const Session& session, const pb::JobSpec& job,
                              const SaidPaths& said);

}  // namespace quern::mr
