#include "client/patience.h"

#include <algorithm>

namespace quern::client {
namespace {

constexpr absl::Duration kLongestShare = absl::Minutes(2);
// Fewer say how long a server takes to answer, and not what the link can do.
constexpr uint64_t kFewBytes = uint64_t{256} << 10;
constexpr absl::Duration kShortestWait = absl::Milliseconds(1);
// Of one time on the next: what a link can do is not forgotten with one bad second.
constexpr double kKept = 0.75;

}  // namespace

absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes,
                              double bytes_per_second) {
  const absl::Duration share = absl::Seconds(static_cast<double>(awaited_bytes) / bytes_per_second);
  return silence + std::min(share, kLongestShare);
}

void AwaitedBytes::Arrived(absl::Duration waited) {
  const uint64_t bytes = total_;
  if (bytes < kFewBytes) return;
  const double speed =
      static_cast<double>(bytes) / absl::ToDoubleSeconds(std::max(waited, kShortestWait));
  MutexLock lock(&mutex_);
  best_ = std::max(speed, kKept * best_);
  bytes_per_second_ = std::max(best_ / 2, kLowest);
}

}  // namespace quern::client
