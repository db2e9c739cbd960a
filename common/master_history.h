// The starts of a cluster's master, and the one question asked about them: does this master have
// everything in its log that a chunkserver has seen of it?
//
// A master that is started from an old copy of its directory goes on from there: it makes up the
// same terms, log indices and chunk ids a second time, for other things. Only the random id of each
// start tells the two histories apart. Whoever carried out orders of a start remembers it, with the
// highest log index seen; a master whose own list lacks that start, or says that it ended at a
// lower index, has never known what those orders followed from.
#pragma once

#include <cstdint>
#include <span>

#include "common/status.h"

namespace quern {

struct MasterStart {
  uint64_t term = 0;
  uint64_t id = 0;           // random, never 0
  uint64_t first_index = 0;  // of the log
  uint64_t end_index = 0;    // where the next start began; 0: this is the last one
  bool operator==(const MasterStart&) const = default;
};

// What a chunkserver has seen of its master.
struct FollowedMaster {
  uint64_t term = 0;
  uint64_t start_id = 0;  // 0: it has never carried out an order
  uint64_t log_index = 0;
  bool operator==(const FollowedMaster&) const = default;
};

// FailedPrecondition: a master with these starts, oldest first, lacks something that the follower
// has seen.
absl::Status CheckHistory(std::span<const MasterStart> starts, const FollowedMaster& followed);

}  // namespace quern
