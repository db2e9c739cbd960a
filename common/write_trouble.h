// Why a cluster takes no new files, or soon will not, which is what `dfs health` and `quern up`
// say, or not as many copies as are wanted. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quern {

// As the master tells it; room is that of the chunkservers that are alive.
struct WriteAbility {
  bool writable = false;  // servers enough have room
  std::string halted{};
  size_t servers_alive = 0;
  size_t servers_known = 0;
  uint32_t min_write_replicas = 0;
  uint32_t default_replication = 0;
  uint64_t capacity_bytes = 0;
  uint64_t free_bytes = 0;
};

// From kFull on, no file can be written.
enum class WriteTrouble { kNone, kNearlyFull, kFull, kTooFewServers, kHalted };

WriteTrouble TroubleOf(const WriteAbility& cluster);
inline bool CanWrite(WriteTrouble trouble) {
  return trouble == WriteTrouble::kNone || trouble == WriteTrouble::kNearlyFull;
}
// "none", "nearly_full", "full", "too_few_servers", "halted".
std::string_view ToString(WriteTrouble trouble);
// A line without its end: what is the matter, and the next step. Empty for kNone.
std::string DescribeTrouble(const WriteAbility& cluster);

// Said when files are to have more copies than there are servers for, with what comes of it; empty:
// there are enough.
std::string DescribeMissingServers(
    size_t alive, uint64_t wanted,
    std::string_view consequence = "fsck says UNDER-REPLICATED until there are more");

}  // namespace quern
