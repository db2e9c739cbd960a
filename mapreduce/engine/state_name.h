// Printed forms of states: "SUCCEEDED", "RUNNING". Empty for one that this version does not know.
#pragma once

#include <string>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

std::string StateName(pb::JobState state);
std::string StateName(pb::AttemptState state);
std::string StateName(pb::JobStatus::Stage::State state);

}  // namespace quern::mr
