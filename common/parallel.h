// A few threads for a row of calls that each wait for a server.
#pragma once

#include <cstddef>
#include <functional>

#include "common/status.h"

namespace quern {

// Runs body(0) ... body(n - 1) on up to 16 threads; body must be thread-safe. The first error,
// after which no new calls begin. A single call runs on the caller's thread.
absl::Status ParallelFor(size_t n, const std::function<absl::Status(size_t)>& body);

}  // namespace quern
