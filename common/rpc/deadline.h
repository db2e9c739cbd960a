// Durations as the deadlines that gRPC takes: points of the system's clock.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <chrono>

namespace quern::rpc {

// `timeout` from now. InfiniteDuration and anything above ten years mean ten years: further points
// overflow on the way through gRPC.
inline std::chrono::system_clock::time_point DeadlineAfter(absl::Duration timeout) {
  const absl::Duration bounded =
      std::clamp(timeout, absl::ZeroDuration(), absl::Hours(24 * 365 * 10));
  return std::chrono::system_clock::now() + absl::ToChronoMicroseconds(bounded);
}

}  // namespace quern::rpc
