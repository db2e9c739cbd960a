// How long to wait before the next try.
#pragma once

#include <absl/time/time.h>

#include <algorithm>

#include "common/random.h"

namespace quern {

// Doubles from `first` to `most`, each time cut by up to half: thousands that lost the same server
// do not come back at the same moment.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most) : first_(first), most_(most), next_(first) {}

  absl::Duration Next() {
    const double share = 0.5 + static_cast<double>(RandomId() % 1024) / 2048;
    const absl::Duration wait = next_ * share;
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void Reset() { next_ = first_; }

 private:
  absl::Duration first_;
  absl::Duration most_;
  absl::Duration next_;
};

}  // namespace quern
