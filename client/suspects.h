// Servers that failed a reader or writer of this client a moment ago: others avoid them for a while
// instead of finding out by waiting once more.
#pragma once

#include <absl/time/time.h>

#include <map>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "common/mutex.h"

namespace quern::client {

// Thread-safe.
class Suspects {
 public:
  explicit Suspects(Clock* clock, absl::Duration forget_after = absl::Seconds(30))
      : clock_(clock), forget_after_(forget_after) {}

  void Add(ServerId server);
  bool Contains(ServerId server) const;
  std::vector<ServerId> All() const;

 private:
  Clock* const clock_;
  const absl::Duration forget_after_;
  mutable Mutex mutex_;
  std::map<ServerId, absl::Time> since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::client
