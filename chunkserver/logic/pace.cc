#include "chunkserver/logic/pace.h"

#include <algorithm>

namespace quern::chunkserver {

absl::Duration Pace::Next(uint64_t bytes, absl::Time now) {
  const absl::Time begin = std::max(free_at_, now);
  free_at_ =
      begin + absl::Seconds(static_cast<double>(bytes) / static_cast<double>(bytes_per_second_));
  return begin - now;
}

}  // namespace quern::chunkserver
