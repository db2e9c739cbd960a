#include "client/patience.h"

#include <algorithm>

namespace quern::client {
namespace {

constexpr absl::Duration kLongestShare = absl::Minutes(2);
// Fewer say how long a server takes to answer, and not what the link can do.
constexpr uint64_t kFewBytes = uint64_t{256} << 10;
// Less may be the time that a thread takes to be woken.
constexpr absl::Duration kShortestWait = absl::Milliseconds(10);
// More is a wait for the link, however long nobody had looked before.
constexpr absl::Duration kRealWait = absl::Seconds(1);
// Of one speed on the next: what a link can do is not forgotten with one bad second.
constexpr double kKept = 0.75;

}  // namespace

absl::Duration AllowedSilence(absl::Duration silence, uint64_t awaited_bytes,
                              double bytes_per_second) {
  const absl::Duration share = absl::Seconds(static_cast<double>(awaited_bytes) / bytes_per_second);
  return silence + std::min(share, kLongestShare);
}

absl::Duration UntilNextLook(absl::Duration left, absl::Duration silence) {
  return std::min({left, silence, StreamWait::kAskAgain});
}

void AwaitedBytes::Measured(const Measurement& measurement) {
  const double speed = measurement.bytes_per_second;
  MutexLock lock(&mutex_);
  if (measurement.is_late) {
    best_ = speed;
  } else {
    best_ = std::max(speed, measurement.is_all ? kKept * best_ : best_);
  }
  if (measurement.is_all || measurement.is_late) is_known_ = true;
  bytes_per_second_ = std::max(best_ / 2, is_known_ ? kLowest : kUnknown);
  ++measurements_;
}

void StreamWait::Asked(absl::Time asked, absl::Time now) {
  asked_ = true;
  waiting_ = false;
  last_ = now;
  window_begin_ = asked;
  window_brought_ = all_->brought_;
  window_own_ = 0;
  window_away_ = now - asked;
}

void StreamWait::Await(absl::Time now) {
  if (!asked_) Asked(now, now);
  if (waiting_) {
    most_awaited_ = std::max<uint64_t>(most_awaited_, all_->total());
    return;
  }
  waiting_ = true;
  most_awaited_ = all_->total();
  since_ = now;
  window_away_ += now - last_;
  brought_then_ = all_->brought_;
  measurements_then_ = all_->measurements_;
}

void StreamWait::Arrived(absl::Time now, const Answer& answer) {
  Await(now);
  waiting_ = false;
  last_ = now;
  all_->silent_ = false;
  const absl::Duration waited = now - since_;
  if (waited >= std::clamp(window_away_, kShortestWait, kRealWait)) {
    // Nothing was there when the wait began.
    window_begin_ = since_;
    window_brought_ = brought_then_;
    window_own_ = 0;
    window_away_ = absl::ZeroDuration();
    all_->brought_ += answer.bytes;
  } else {
    window_own_ += answer.bytes;
  }
  const absl::Duration expected = AllowedSilence(silence_, most_awaited_, all_->bytes_per_second());
  const bool late = waited >= expected && !answer.waited_for_disk;
  const uint64_t bytes = window_own_ + (all_->brought_ - window_brought_);
  const absl::Duration window = now - window_begin_;
  if (bytes < kFewBytes || window < kShortestWait) {
    // Next time it may be as late.
    link_doubted_ = link_doubted_ && late;
    return;
  }
  link_doubted_ = false;
  all_->Measured({.bytes_per_second = static_cast<double>(bytes) / absl::ToDoubleSeconds(window),
                  .is_all = 2 * window_away_ <= window && !answer.waited_for_disk,
                  .is_late = late});
}

absl::Duration StreamWait::Allowed(uint64_t own_bytes) const {
  // Others that have got theirs meanwhile were waited for too.
  const uint64_t awaited = std::max<uint64_t>(waiting_ ? most_awaited_ : 0, all_->total());
  const absl::Duration measured = AllowedSilence(silence_, awaited, all_->bytes_per_second());
  // What the link brings to others it would bring to this one too.
  if (!link_doubted_ || all_->measurements_ != measurements_then_) return measured;
  // Where it was known, it is more likely that nobody sends than that all streams together have to
  // squeeze through what is left of it.
  const uint64_t bytes = all_->is_known_ ? own_bytes : awaited;
  return std::max(measured, AllowedSilence(silence_, bytes, AwaitedBytes::kLowest));
}

void StreamWait::GaveUp() {
  if (link_doubted_) all_->silent_ = true;
  link_doubted_ = !link_doubted_ && !all_->silent_;
  Rest();
}

}  // namespace quern::client
