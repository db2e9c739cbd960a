// quern-coordinator: everything a coordinator process consists of, started and stopped in order.
#pragma once

#include <memory>

#include "common/server_main.h"
#include "common/status.h"

namespace quern::mr {

absl::StatusOr<std::unique_ptr<RunningServer>> StartCoordinatorServer(const ServerFlags& flags);

}  // namespace quern::mr
