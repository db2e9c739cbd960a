#include "client/patience.h"

#include <algorithm>

namespace quern::client {
namespace {

constexpr uint64_t kLowestBytesPerSecond = uint64_t{64} << 10;
constexpr uint64_t kMostBytes = 120 * kLowestBytesPerSecond;

}  // namespace

absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes) {
  const auto bytes = static_cast<double>(std::min(awaited_bytes, kMostBytes));
  return silence + absl::Seconds(bytes / static_cast<double>(kLowestBytesPerSecond));
}

}  // namespace quern::client
