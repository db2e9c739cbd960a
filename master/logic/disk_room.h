// What the master still takes when its own disk is nearly full: what makes room, and what finishes
// what was begun. A write that fails would end the process, and a full disk would keep it from
// coming back, so it stops in time. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quern/dfs/v1/master_log.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

// Kept free for removals: they need room too, before they give any back.
inline uint64_t RoomForRemovals(uint64_t capacity_bytes) {
  return std::min(uint64_t{256} << 20, capacity_bytes / 20);
}

// False for records that make the rows grow at a user's wish.
inline bool TakenWhenFull(const pb::LogRecord& record) {
  switch (record.kind_case()) {
    case pb::LogRecord::kMakeDirectories:
    case pb::LogRecord::kCreateFile:
    case pb::LogRecord::kAddChunk:
    case pb::LogRecord::kReserveChunkIds:
    case pb::LogRecord::kSetAttributes:
    case pb::LogRecord::kSetReplication:
    case pb::LogRecord::kNoteReplicas:
      return false;
    default:
      return true;
  }
}

}  // namespace quern::master
