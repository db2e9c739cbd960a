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

// OK when new files can be written and every server has registered; else Unavailable says what is
// not there yet.
absl::Status CheckServing(const ServingQuestion& question);

// Asks until it is OK, calling `step` in between, which is to wait a little. The last answer when
// `timeout` has passed.
absl::Status WaitUntilServing(const ServingQuestion& question, absl::Duration timeout,
                              const std::function<void()>& step, Clock* clock);

}  // namespace quern::local
