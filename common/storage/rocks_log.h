// Whether a RocksDB log still has everything that was synced.
//
// Two things make a log that cannot be read to its end. A power cut: of the bytes that were not
// synced, any pages may be missing, also in front of others; nothing that was promised is lost. And
// damage (a flipped bit, a bad sector) in what was synced. RocksDB can refuse both, or open both up
// to the first bad record and lose synced writes in silence; and a flipped bit in a length it takes
// for an unfinished last record in every mode.
//
// So every write carries a mark: the sequence number up to which the log was durable when the write
// was made. When the part before the first bad record reaches the highest mark in all of the log,
// what is missing was never synced.
#pragma once

#include <rocksdb/write_batch.h>

#include <cstdint>

#include "common/status.h"
#include "common/storage/rocks.h"

namespace quern {

absl::Status PutDurableMark(rocksdb::WriteBatch* batch, uint64_t durable);

// To be asked before the database is opened for writing, which throws the rest of the log away.
// Changes nothing. DataLoss: synced writes are missing.
absl::Status CheckLog(const RocksOptions& options);

}  // namespace quern
