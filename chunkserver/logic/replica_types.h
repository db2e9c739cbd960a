// Plain values that describe a replica: what it was made for, what each append did to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ids.h"

namespace quern::chunkserver {

// Checksums are kept per block of this many bytes, so that a short read checks little.
inline constexpr uint64_t kBlockBytes = uint64_t{64} << 10;

// A replica that comes whole and is no longer than this lies in the index of its disk: one synced
// row instead of a file, its directory and a row.
inline constexpr uint64_t kIndexedBytes = uint64_t{32} << 10;

// Numbers as in dfs.v1.ReplicaState (proto/quern/dfs/v1/cluster.proto), which describes them.
enum class ReplicaState : uint8_t {
  kOpen = 1,
  kFenced = 2,
  kFinalized = 3,
  kStale = 4,
  kCorrupt = 5,
  kQuarantined = 6,
  kRemoved = 7,
};
std::string_view StateName(ReplicaState state);  // "OPEN", ...

enum class Durability : uint8_t { kOnClose = 1, kSync = 2 };

// One server of a chunk's replica chain.
struct ChainMember {
  ServerId server;
  std::string address;  // HOST:PORT
  bool operator==(const ChainMember&) const = default;
};

// Fixed when the replica is made.
struct ReplicaSpec {
  ChunkId chunk;
  Durability durability = Durability::kOnClose;
  uint64_t capacity_bytes = 0;
  std::vector<ChainMember> chain = {};  // primary first
  uint32_t position = 0;                // this replica's place in it
  std::string boot_id = {};             // of the machine at that time
  uint64_t create_token = 0;            // of the order that made it; 0: a copy
};

struct ProducerSeq {
  uint64_t producer = 0;
  uint64_t last_seq = 0;
  bool operator==(const ProducerSeq&) const = default;
};

// One append as the index has it, enough to rebuild every checksum of the replica at its end.
struct AppendRecord {
  uint64_t start = 0;
  uint64_t end = 0;
  uint32_t payload_crc = 0;
  uint64_t producer = 0;
  uint64_t seq = 0;
  uint64_t committed = 0;                    // known when it was written
  uint32_t running_crc = 0;                  // of the replica up to `end`
  std::vector<uint32_t> closed_blocks = {};  // blocks that it completed
  uint32_t tail_crc = 0;                     // of the begun block after them
  bool synced = false;                       // data up to `end` were on the disk before the row
  bool operator==(const AppendRecord&) const = default;
};

// The durable facts of a replica besides its appends.
struct ReplicaRecord {
  ReplicaSpec spec;
  ReplicaState state = ReplicaState::kOpen;
  bool suspect = false;
  uint64_t length = 0;  // from FENCED on
  uint32_t crc = 0;     // from FENCED on
  uint64_t synced = 0;
  bool sealed = false;  // checksums are SealedSums instead of AppendRecords
  int64_t since_ms = 0;
  bool condemned = false;  // was CORRUPT when it was put in quarantine
  bool in_index = false;   // its bytes are a row of the index, and there is no data file
};

// What remains of the append records of a sealed replica.
struct SealedSums {
  std::vector<uint32_t> blocks = {};        // CRC32C of each block, the last one shorter
  std::vector<ProducerSeq> producers = {};  // empty when they are not known
  bool operator==(const SealedSums&) const = default;
};

// How the master's log has sealed a chunk.
struct SealedAs {
  uint64_t length = 0;
  uint32_t crc = 0;
  bool operator==(const SealedAs&) const = default;
};

// How a replica looks from outside.
struct ReplicaReport {
  ChunkId chunk;
  ReplicaState state = ReplicaState::kOpen;
  uint64_t length = 0;
  uint32_t crc = 0;
  bool expired = false;  // quarantined for long enough
  bool operator==(const ReplicaReport&) const = default;
};

}  // namespace quern::chunkserver
