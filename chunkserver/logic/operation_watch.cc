#include "chunkserver/logic/operation_watch.h"

#include <algorithm>

namespace quern::chunkserver {

uint64_t OperationWatch::Begin(absl::Time now) {
  begun_.emplace_hint(begun_.end(), ++last_, now);
  return last_;
}

void OperationWatch::End(uint64_t operation) { begun_.erase(operation); }

absl::Duration OperationWatch::Waiting(absl::Time now) const {
  if (begun_.empty()) return absl::ZeroDuration();
  return std::max(now - begun_.begin()->second, absl::ZeroDuration());
}

}  // namespace quern::chunkserver
