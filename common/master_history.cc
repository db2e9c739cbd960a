#include "common/master_history.h"

#include <algorithm>

namespace quern {

absl::Status CheckHistory(std::span<const MasterStart> starts, const FollowedMaster& followed) {
  if (followed.start_id == 0) return absl::OkStatus();
  const auto start = std::ranges::find(starts, followed.start_id, &MasterStart::id);
  if (start == starts.end()) {
    return FailedPreconditionError(
        "orders of another start of the master (term {}, log index {}) were carried out, of which "
        "this one (term {}) knows nothing",
        followed.term, followed.log_index, starts.empty() ? 0 : starts.back().term);
  }
  if (start->end_index != 0 && followed.log_index >= start->end_index) {
    return FailedPreconditionError(
        "orders up to log index {} of term {} were carried out, but the log of this master (term "
        "{}) has that term only up to {}",
        followed.log_index, followed.term, starts.back().term, start->end_index - 1);
  }
  return absl::OkStatus();
}

}  // namespace quern
