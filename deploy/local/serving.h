// Whether a cluster can serve.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <string>

#include "common/clock.h"
#include "common/status.h"
#include "deploy/local/cluster_layout.h"

namespace quern::local {

struct ServingQuestion {
  std::string master;       // HOST:PORT
  std::string coordinator;  // HOST:PORT
  int chunkservers = 0;     // how many must be registered
  int workers = 0;
};

// OK when every server has registered; else Unavailable says what is not there yet. What a user
// should know of a cluster that serves: that its disks are (nearly) full, or that its master takes
// nothing new. Waiting makes no room, and only a cluster that runs can remove files. A line without
// its end, or empty.
absl::StatusOr<std::string> CheckServing(const ServingQuestion& question);

// Asks until it is OK, calling `step` in between, which is to wait a little. The last answer when
// `timeout` has passed.
absl::StatusOr<std::string> WaitUntilServing(const ServingQuestion& question,
                                             absl::Duration timeout,
                                             const std::function<void()>& step, Clock* clock);

}  // namespace quern::local
