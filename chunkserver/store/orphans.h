// Data files that no row knows: a crash came between the publishing of a copy and its row.
//
// They are not deleted, since nobody has ordered it: each becomes a QUARANTINED replica with fresh
// checksums, which the master hears of, may take back, or has removed.
#pragma once

#include <absl/container/flat_hash_set.h>

#include <vector>

#include "chunkserver/store/disk.h"
#include "common/clock.h"

namespace quern::chunkserver {

// More than a crash can leave: a start reads each of them.
inline constexpr size_t kMaxOrphansAtOnce = 100;

// For a disk that is being opened; `with_rows` are the chunks that have rows on it. Their rows are
// durable with the next synced write. An empty file is removed; one that cannot be read, or that is
// beyond kMaxOrphansAtOnce, is left to the next start.
absl::StatusOr<std::vector<ReplicaRecord>> AdoptOrphans(
    Disk* disk, const absl::flat_hash_set<ChunkId>& with_rows, Clock* clock);

}  // namespace quern::chunkserver
