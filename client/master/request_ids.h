// Numbers the mutations of one client so that each has the effect of one however often it is sent.
#pragma once

#include <cstdint>
#include <set>

#include "common/mutex.h"

namespace quern::client {

// Thread-safe.
class RequestIds {
 public:
  // `client_id` is random and never 0: results are remembered per client.
  explicit RequestIds(uint64_t client_id) : client_id_(client_id) {}

  uint64_t client_id() const { return client_id_; }
  // A new id, outstanding until End.
  uint64_t Begin();
  void End(uint64_t id);
  // Every request below this id has been answered or given up: the master may forget their results.
  uint64_t LowestOutstanding();

 private:
  const uint64_t client_id_;
  Mutex mutex_;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::set<uint64_t> outstanding_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::client
