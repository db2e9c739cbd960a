#include "client/shell/rate_limit.h"

#include <algorithm>

#include "client/shell/interrupt.h"
#include "common/sizes.h"

namespace quern::shell {
namespace {

// What an idle time leaves to be used up at once.
constexpr absl::Duration kBurst = absl::Milliseconds(250);
// How late Ctrl-C may be noticed.
constexpr absl::Duration kRateSlice = absl::Milliseconds(100);
// More is no limit, and waits are computed in double.
constexpr uint64_t kMaxRate = uint64_t{1} << 50;

}  // namespace

TokenBucket::TokenBucket(uint64_t bytes_per_second, absl::Time now)
    : rate_(static_cast<double>(bytes_per_second)), filled_at_(now) {}

absl::Duration TokenBucket::Take(uint64_t bytes, absl::Time now) {
  const double came =
      rate_ * absl::ToDoubleSeconds(std::max(now - filled_at_, absl::ZeroDuration()));
  filled_at_ = std::max(filled_at_, now);
  tokens_ = std::min(tokens_ + came, rate_ * absl::ToDoubleSeconds(kBurst));
  tokens_ -= static_cast<double>(bytes);
  return tokens_ >= 0 ? absl::ZeroDuration() : absl::Seconds(-tokens_ / rate_);
}

absl::StatusOr<std::unique_ptr<RateLimit>> RateLimit::Parse(std::string_view text, Clock* clock) {
  if (text.empty()) return nullptr;
  std::string_view size = text;
  if (size.ends_with("/s")) size.remove_suffix(2);
  const auto rate = ParseSize(size);
  if (!rate.ok() || *rate == 0 || *rate > kMaxRate) {
    return InvalidArgumentError("'{}' is not so many bytes a second. Try: 10MiB, 500k", text);
  }
  return std::make_unique<RateLimit>(*rate, clock);
}

RateLimit::RateLimit(uint64_t bytes_per_second, Clock* clock)
    : clock_(clock), bucket_(bytes_per_second, clock->MonotonicNow()) {}

absl::Status RateLimit::Take(uint64_t bytes) {
  absl::Duration wait;
  {
    MutexLock lock(&mutex_);
    wait = bucket_.Take(bytes, clock_->MonotonicNow());
  }
  const absl::Time until = clock_->MonotonicNow() + wait;
  while (true) {
    RETURN_IF_ERROR(CheckInterrupt());
    const absl::Duration left = until - clock_->MonotonicNow();
    if (left <= absl::ZeroDuration()) return absl::OkStatus();
    clock_->Sleep(std::min(left, kRateSlice));
  }
}

}  // namespace quern::shell
