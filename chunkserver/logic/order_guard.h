// Whom a chunkserver obeys: one cluster, and never a master that lacks something of what followed
// from orders that were carried out here before. So an empty, restored or stale master cannot
// delete anything. (common/master_history.h; docs/architecture.md, "Invariants")
//
// Being admitted changes nothing that is remembered but the cluster; the first order of a start of
// the master does: from then on this server follows that start. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/master_history.h"
#include "common/status.h"

namespace quern::chunkserver {

class OrderGuard {
 public:
  struct Seen {
    std::string cluster_id = {};  // empty before the first admission
    FollowedMaster followed = {};
    bool operator==(const Seen&) const = default;
  };
  OrderGuard() = default;
  explicit OrderGuard(Seen seen) : seen_(std::move(seen)) {}

  const Seen& seen() const { return seen_; }
  // Of the present session; 0: none.
  uint64_t start_id() const { return start_.id; }

  // A session begins with a master that has this history, oldest start first. FailedPrecondition:
  // another cluster, or a master that lacks what was seen here.
  absl::Status Admit(std::string_view cluster_id, std::span<const MasterStart> history);
  // May this order of the session be carried out? FailedPrecondition: it is of another start of the
  // master than the session, or of an older state of its log than one seen.
  absl::Status CheckOrder(std::string_view cluster_id, uint64_t start_id, uint64_t log_index) const;
  // Remembers what was checked; false when nothing is new. The caller makes it durable before it
  // acts.
  bool Advance(uint64_t log_index);

  // The newer of what two disks of a server remember.
  static const FollowedMaster& Newer(const FollowedMaster& a, const FollowedMaster& b);

 private:
  Seen seen_;
  MasterStart start_;  // of the present session
};

}  // namespace quern::chunkserver
