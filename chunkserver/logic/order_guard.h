// Whom a chunkserver obeys: one cluster, and never a master older than the newest it has seen. So
// an empty, restored or stale master cannot delete anything. (docs/architecture.md, "Invariants",
// 7)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern::chunkserver {

class OrderGuard {
 public:
  struct Seen {
    std::string cluster_id = {};  // empty before the first admission
    uint64_t max_term = 0;
    uint64_t max_log_index = 0;
  };
  OrderGuard() = default;
  explicit OrderGuard(Seen seen) : seen_(std::move(seen)) {}

  const Seen& seen() const { return seen_; }

  // May this master be followed? FailedPrecondition: another cluster, or a lower term than seen.
  absl::Status CheckMaster(std::string_view cluster_id, uint64_t term) const;
  // May this order be carried out? FailedPrecondition also when its log index is lower than one
  // seen: a master that was restored from a backup has a new term but an old log.
  absl::Status CheckOrder(std::string_view cluster_id, uint64_t term, uint64_t log_index) const;
  // Remembers the cluster and what was checked; false when nothing is new. The caller makes it
  // durable before it acts.
  bool Advance(std::string_view cluster_id, uint64_t term, uint64_t log_index);

 private:
  Seen seen_;
};

}  // namespace quern::chunkserver
