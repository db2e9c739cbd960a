// Servers that failed a reader or writer of this client a moment ago, and single replicas that a
// server could not give although it answers: others avoid them for a while instead of finding out
// once more.
#pragma once

#include <absl/time/time.h>

#include <cstddef>
#include <map>
#include <utility>
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
  // Servers as such; single replicas are not among them.
  std::vector<ServerId> All() const;

  void AddReplica(ServerId server, ChunkId chunk);
  // The server, or its replica of this chunk.
  bool Contains(ServerId server, ChunkId chunk) const;

 private:
  // A server that was emptied has none of its chunks; what is known of more than so many is not
  // worth its memory.
  static constexpr size_t kMaxReplicas = 10'000;

  bool IsRecent(absl::Time since) const { return clock_->MonotonicNow() - since < forget_after_; }

  Clock* const clock_;
  const absl::Duration forget_after_;
  mutable Mutex mutex_;
  std::map<ServerId, absl::Time> since_ ABSL_GUARDED_BY(mutex_);
  std::map<std::pair<ServerId, ChunkId>, absl::Time> replicas_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::client
