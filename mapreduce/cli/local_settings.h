// What a command line sets for a run on this machine and what does not hold there. Specs are not
// looked at: they are written for both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"

namespace quern::mr {

struct SaidSettings {
  std::vector<std::string> settings;  // of --set: KEY=VALUE, or STAGE.KEY=VALUE of a pipeline
  std::string replication;            // of --replication
  // Copies that are asked for of an output in the cluster (MostCopies).
  uint32_t copies = 0;
};

// With --local. UsageError for what a run in one process does not do: limits.attempts but 1,
// limits.timeout, limits.skip_bad_records, and copies where no output is in the cluster.
absl::Status CheckHoldsHere(const SaidSettings& said);

}  // namespace quern::mr
