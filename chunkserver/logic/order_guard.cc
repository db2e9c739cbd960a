#include "chunkserver/logic/order_guard.h"

#include <algorithm>
#include <tuple>

namespace quern::chunkserver {

absl::Status OrderGuard::Admit(std::string_view cluster_id, std::span<const MasterStart> history) {
  start_ = {};
  if (!seen_.cluster_id.empty() && cluster_id != seen_.cluster_id) {
    return FailedPreconditionError(
        "the master is of cluster {}, this server of cluster {}. Try: check --master, or start "
        "with an empty --dir",
        cluster_id, seen_.cluster_id);
  }
  if (history.empty() || history.back().id == 0) {
    return InternalError("the master does not say which start it is");
  }
  if (absl::Status status = CheckHistory(history, seen_.followed); !status.ok()) {
    return Annotate(status, "the master is an old one, or was started from an old copy");
  }
  seen_.cluster_id = cluster_id;
  start_ = history.back();
  return absl::OkStatus();
}

absl::Status OrderGuard::CheckOrder(std::string_view cluster_id, uint64_t start_id,
                                    uint64_t log_index) const {
  if (start_.id == 0 || cluster_id != seen_.cluster_id || start_id != start_.id) {
    return FailedPreconditionError("the order is not of the master that was admitted");
  }
  const uint64_t known = std::max(seen_.followed.log_index, start_.first_index);
  if (log_index < known) {
    return FailedPreconditionError(
        "the master's log index is {}, but {} was seen before: it lost part of its log", log_index,
        known);
  }
  return absl::OkStatus();
}

bool OrderGuard::Advance(uint64_t log_index) {
  const FollowedMaster next = {.term = start_.term,
                               .start_id = start_.id,
                               .log_index = std::max(seen_.followed.log_index, log_index)};
  if (next == seen_.followed) return false;
  seen_.followed = next;
  return true;
}

const FollowedMaster& OrderGuard::Newer(const FollowedMaster& a, const FollowedMaster& b) {
  const auto rank = [](const FollowedMaster& followed) {
    return std::tuple(followed.log_index, followed.term);
  };
  return rank(a) < rank(b) ? b : a;
}

}  // namespace quern::chunkserver
