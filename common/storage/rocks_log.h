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
//
// A mark begins with the database's own key: 16 random bytes that stand in its directory (MARK) and
// nowhere else. Names and small files of users are in the log as they are; without the key bytes
// that look like a mark, a copy of another database's log say, would make this one unreadable.
#pragma once

#include <rocksdb/write_batch.h>

#include <array>
#include <cstdint>
#include <optional>

#include "common/status.h"
#include "common/storage/rocks.h"

namespace quern {

using MarkKey = std::array<char, 16>;

// nullopt: there is none, or it is damaged; then the log cannot be checked, which is logged.
absl::StatusOr<std::optional<MarkKey>> ReadMarkKey(const RocksOptions& options);
// Durable when it returns.
absl::StatusOr<MarkKey> MakeMarkKey(const RocksOptions& options);

absl::Status PutDurableMark(rocksdb::WriteBatch* batch, const MarkKey& key, uint64_t durable);

// To be asked before the database is opened for writing, which throws the rest of the log away.
// Changes nothing. DataLoss: synced writes are missing.
absl::Status CheckLog(const RocksOptions& options, const MarkKey& key);

}  // namespace quern
