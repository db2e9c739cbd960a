// The rows of a disk's RocksDB as bytes (proto/quern/dfs/v1/chunk_store.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "chunkserver/logic/replica_types.h"
#include "chunkserver/store/replica_index.h"
#include "common/status.h"

namespace quern::chunkserver {

// Keys sort like the numbers in them.
std::string ChunkKey(ChunkId chunk);                 // 8 bytes, big-endian
std::string AppendKey(ChunkId chunk, uint64_t end);  // 8 + 8 bytes
// The end offset of an AppendKey.
absl::StatusOr<uint64_t> EndOfAppendKey(std::string_view key);

std::string EncodeIdentity(const DiskIdentity& identity);
std::string EncodeReplica(const ReplicaRecord& record);
// Without the end offset, which is in the key.
std::string EncodeAppend(const AppendRecord& append);
std::string EncodeSums(const SealedSums& sums);

// DataLoss for bytes that do not parse.
absl::StatusOr<DiskIdentity> DecodeIdentity(std::string_view row);
absl::StatusOr<ReplicaRecord> DecodeReplica(std::string_view row);
absl::StatusOr<AppendRecord> DecodeAppend(uint64_t end, std::string_view row);
absl::StatusOr<SealedSums> DecodeSums(std::string_view row);

}  // namespace quern::chunkserver
