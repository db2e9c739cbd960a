// What a RocksDB log that cannot be read to its end has lost.
//
// Two things make such a log. A power cut: of the bytes that were not synced, any pages may be
// missing, also in front of others; nothing that was promised is lost. And damage (a flipped bit, a
// bad sector) in the middle of what was synced. RocksDB can refuse both, or open both up to the
// first bad record and lose synced writes in silence.
//
// So every write carries a mark: the sequence number up to which the log was durable when the write
// was made. When the part before the first bad record reaches the highest mark in all of the log,
// what is missing was never synced.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>

#include "common/rocks.h"
#include "common/status.h"

namespace quern {

absl::Status PutDurableMark(rocksdb::WriteBatch* batch, uint64_t durable);

struct TornLog {
  uint64_t kept = 0;     // last sequence number before the first bad record
  uint64_t durable = 0;  // highest mark in the log; 0: there is none
};

// Changes nothing. Fails when it is not the log, or not only, that cannot be read.
absl::StatusOr<TornLog> JudgeTornLog(const RocksOptions& options);

}  // namespace quern
