// Why a job does not get on, in words for its user. No locks.
#pragma once

#include <absl/time/time.h>

#include <string>

#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/tracker_state.h"

namespace quern::mr {

// One line with what to do next: what fails around its tasks, or why none of them runs; empty when
// nothing stands in its way. Costs O(workers).
std::string DescribeWait(const TrackerState& state, const Job& job, absl::Time now);

}  // namespace quern::mr
