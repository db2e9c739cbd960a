// Why a job does not get on, in words for its user. No locks.
#pragma once

#include <absl/time/time.h>

#include <optional>
#include <string>

#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/coordinator/service/tracker_state.h"

namespace quern::mr {

// For as long as nothing changes. The workers are looked at once, however many jobs wait for them.
class WaitDescriber {
 public:
  // Borrowed.
  WaitDescriber(const TrackerState* state, absl::Time now) : state_(state), now_(now) {}

  // One line with what to do next: what fails around its tasks, or why none of them runs; empty
  // when nothing stands in its way.
  std::string Describe(const Job& job);

 private:
  std::string DescribeWorkers() const;

  const TrackerState* const state_;
  const absl::Time now_;
  std::optional<std::string> workers_;  // why none of them takes a task
};

// Costs O(workers).
inline std::string DescribeWait(const TrackerState& state, const Job& job, absl::Time now) {
  return WaitDescriber(&state, now).Describe(job);
}

}  // namespace quern::mr
