// Looks at what a stopped chunkserver has on its disk, without its help.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/status.h"
#include "tests/campaign/verifier.h"

namespace quern::campaign {

// Every row and every data file below `dir`, each file read whole.
absl::StatusOr<std::map<uint64_t, ReplicaSeen>> LookAtDisk(const std::string& dir);

}  // namespace quern::campaign
