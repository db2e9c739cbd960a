// What a task of a job needs on the machine where it is debugged.
#pragma once

#include <string>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// The input of a split is what the job was planned over; NotFound, FailedPrecondition: which file
// is not.
absl::Status CheckInput(client::FileSystem* dfs, const pb::Split& split);

// Brings the plugin and the side files into `dir` and names them in the spec. DataLoss: one is not
// what the job was submitted with.
absl::Status FetchJobFiles(client::FileSystem* dfs, const std::string& dir, pb::JobSpec* spec);

}  // namespace quern::mr
