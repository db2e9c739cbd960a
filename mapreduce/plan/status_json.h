// A job or a pipeline as JSON: what `mr` prints of one in a cluster, and quern-task of one that ran
// on this machine.
#pragma once

#include "common/cli/json_line.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

JsonLine JobJson(const pb::JobStatus& status);
JsonLine FailureJson(const pb::AttemptFailure& failure);

}  // namespace quern::mr
