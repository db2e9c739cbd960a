// Where a client finds its cluster: flag > environment > ~/.config/quern/config.toml > loopback.
//
//   # ~/.config/quern/config.toml
//   master = "m1:9400,m2:9400"
//   coordinator = "m1:9420"
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern {

// HOST:PORT each, at least one. `flag` is the value of --master or --coordinator, empty when it was
// not given. The variables are QUERN_MASTER and QUERN_COORDINATOR. InvalidArgument names the source
// that is wrong.
absl::StatusOr<std::vector<std::string>> FindMasters(std::string_view flag);
absl::StatusOr<std::vector<std::string>> FindCoordinators(std::string_view flag);

}  // namespace quern
