// No more than so many bytes a second, over all files that are under way.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::shell {

// Tokens are bytes. Who takes more than there are goes into debt and waits for as long as it takes
// to be paid back, so that pieces may be of any size. Pure.
class TokenBucket {
 public:
  // Empty at first. `bytes_per_second` > 0.
  TokenBucket(uint64_t bytes_per_second, absl::Time now);

  // How long to wait before these bytes go on.
  absl::Duration Take(uint64_t bytes, absl::Time now);

 private:
  const double rate_;
  double tokens_ = 0;  // below 0: debt
  absl::Time filled_at_;
};

// A bucket that several threads take from. Thread-safe.
class RateLimit {
 public:
  // "10MiB", "500k", with or without "/s"; null for an empty text: no limit. InvalidArgument for
  // what is no rate.
  static absl::StatusOr<std::unique_ptr<RateLimit>> Parse(std::string_view text, Clock* clock);
  RateLimit(uint64_t bytes_per_second, Clock* clock);

  // Waits until these bytes may go on. Cancelled after Ctrl-C.
  absl::Status Take(uint64_t bytes);

 private:
  Clock* const clock_;
  Mutex mutex_;
  TokenBucket bucket_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::shell
