#include "client/patience.h"

#include <algorithm>

namespace quern::client {
namespace {

constexpr absl::Duration kLongestShare = absl::Minutes(2);
constexpr double kLowestBytesPerSecond = 64 << 10;
// Between two arrivals: whoever pauses longer wanted nothing meanwhile.
constexpr absl::Duration kPause = absl::Seconds(10);
// Of a second on the one after it: what a link can do is not forgotten with one bad second.
constexpr double kKept = 0.75;

}  // namespace

absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes,
                              double bytes_per_second) {
  const absl::Duration share = absl::Seconds(static_cast<double>(awaited_bytes) / bytes_per_second);
  return silence + std::min(share, kLongestShare);
}

void AwaitedBytes::Arrived(uint64_t bytes, absl::Time now) {
  MutexLock lock(&mutex_);
  const absl::Duration took = now - since_;
  if (took > kPause) {  // nobody knows how long these took
    since_ = now;
    arrived_ = 0;
    return;
  }
  arrived_ += bytes;
  if (took < absl::Seconds(1)) return;
  best_ = std::max(static_cast<double>(arrived_) / absl::ToDoubleSeconds(took), kKept * best_);
  bytes_per_second_ = std::max(best_ / 2, kLowestBytesPerSecond);
  since_ = now;
  arrived_ = 0;
}

}  // namespace quern::client
