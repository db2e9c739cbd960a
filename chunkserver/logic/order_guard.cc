#include "chunkserver/logic/order_guard.h"

#include <algorithm>

namespace quern::chunkserver {

absl::Status OrderGuard::CheckMaster(std::string_view cluster_id, uint64_t term) const {
  if (!seen_.cluster_id.empty() && cluster_id != seen_.cluster_id) {
    return FailedPreconditionError(
        "the master is of cluster {}, this server of cluster {}. Try: check --master, or start "
        "with "
        "an empty --dir",
        cluster_id, seen_.cluster_id);
  }
  if (term < seen_.max_term) {
    return FailedPreconditionError(
        "the master's term is {}, but {} was seen before: it is old, or restored from an old copy",
        term, seen_.max_term);
  }
  return absl::OkStatus();
}

absl::Status OrderGuard::CheckOrder(std::string_view cluster_id, uint64_t term,
                                    uint64_t log_index) const {
  if (auto status = CheckMaster(cluster_id, term); !status.ok()) return status;
  if (log_index < seen_.max_log_index) {
    return FailedPreconditionError(
        "the master's log index is {}, but {} was seen before: it lost part of its log", log_index,
        seen_.max_log_index);
  }
  return absl::OkStatus();
}

bool OrderGuard::Advance(std::string_view cluster_id, uint64_t term, uint64_t log_index) {
  const bool news =
      cluster_id != seen_.cluster_id || term > seen_.max_term || log_index > seen_.max_log_index;
  seen_.cluster_id = cluster_id;
  seen_.max_term = std::max(seen_.max_term, term);
  seen_.max_log_index = std::max(seen_.max_log_index, log_index);
  return news;
}

}  // namespace quern::chunkserver
