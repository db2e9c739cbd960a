// How fast work in the background may read from a disk, so that it does not slow down the rest.
#pragma once

#include <absl/time/time.h>

#include <cstdint>

namespace quern::chunkserver {

// Not thread-safe.
class Pace {
 public:
  explicit Pace(uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  // So many bytes will be read: how long to wait before that. What was not read in time is not made
  // up for later. `now` never goes back.
  absl::Duration Next(uint64_t bytes, absl::Time now);

 private:
  uint64_t bytes_per_second_;
  absl::Time free_at_ = absl::InfinitePast();
};

}  // namespace quern::chunkserver
