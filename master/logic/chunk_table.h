// Every chunk of the cluster in memory: its logged state, and who holds a replica in which state.
//
// What the log decides (state, length, CRC) comes from applied records; replicas come from reports.
// A replica is *confirmed* when its server has vouched for it in this term; others are hints from
// the last run. The digest of each server's inventory buckets is kept up to date, so that comparing
// with a server costs nothing. One entry takes 48 bytes: a billion chunks fit into one machine.
// Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/inventory_digest.h"
#include "common/status.h"
#include "quern/dfs/v1/cluster.pb.h"
#include "quern/dfs/v1/types.pb.h"

namespace quern::master {

namespace pb = quern::dfs::v1;

struct Replica {
  ServerId server;
  pb::ReplicaState state = pb::REPLICA_STATE_UNSPECIFIED;
  bool confirmed = false;
  bool operator==(const Replica&) const = default;
};

// A copy of what the table knows of one chunk.
struct ChunkInfo {
  ChunkId id;
  pb::ChunkState state = pb::CHUNK_STATE_UNSPECIFIED;
  uint64_t length = 0;  // once sealed
  uint32_t crc = 0;
  uint32_t wanted = 0;
  // Sealed by its primary, in this term: every replica of the chain had all bytes on its disk.
  bool clean = false;
  absl::InlinedVector<Replica, 4> replicas;

  const Replica* Find(ServerId server) const;
};

class ChunkTable {
 public:
  ChunkTable();

  // From the log. `chain` are hints until their servers confirm them.
  void Load(ChunkId id, pb::ChunkState state, uint64_t length, uint32_t crc, uint32_t wanted,
            std::span<const ServerId> chain);
  // A new OPEN chunk whose replicas have just been made.
  void Open(ChunkId id, uint32_t wanted, std::span<const ServerId> chain);
  void BeginSeal(ChunkId id);
  void Seal(ChunkId id, uint64_t length, uint32_t crc, bool clean);
  void SetWanted(ChunkId id, uint32_t wanted);
  void Remove(ChunkId id);

  // From servers. Unknown chunks are ignored.
  void SetReplica(ChunkId id, const Replica& replica);
  void RemoveReplica(ChunkId id, ServerId server);

  bool Contains(ChunkId id) const { return Shard(id).contains(id); }
  std::optional<ChunkInfo> Find(ChunkId id) const;
  size_t size() const { return size_; }
  // Chunks of one inventory bucket that have a replica on `server`.
  std::vector<ChunkInfo> OnServer(ServerId server, uint32_t bucket) const;
  // Number of replicas on a server, confirmed or not.
  uint64_t CountOnServer(ServerId server) const;
  void ForEach(const std::function<void(const ChunkInfo&)>& visit) const;

  // What the server's digests should be.
  InventoryDigests Digests(ServerId server) const;

  // Internal: what is wrong (digests and counts against the entries). For tests.
  absl::Status Validate() const;

 private:
  // A replica in 4 bytes: 24 bits of server id, 4 of state, 1 confirmed.
  class PackedReplica {
   public:
    PackedReplica() : bits_(0) {}
    explicit PackedReplica(const Replica& replica);
    Replica Unpack() const;
    ServerId server() const { return ServerId(bits_ >> 8); }

   private:
    uint32_t bits_;
  };
  static constexpr size_t kInlineReplicas = 5;
  struct Entry {
    Entry() : length(0), crc(0), state(0), wanted(0), count(0), clean(false) {}
    uint64_t length;
    uint32_t crc;
    uint8_t state;
    uint8_t wanted;
    uint8_t count;
    bool clean;
    std::array<PackedReplica, kInlineReplicas> replicas;
  };
  using EntryMap = absl::flat_hash_map<ChunkId, Entry>;
  static_assert(sizeof(EntryMap::value_type) <= 48, "a chunk shall take at most 48 bytes");

  // Sharded by inventory bucket, so that one bucket of one server is found without an index.
  EntryMap& Shard(ChunkId id) { return shards_[InventoryBucket(id)]; }
  const EntryMap& Shard(ChunkId id) const { return shards_[InventoryBucket(id)]; }
  Entry* FindEntry(ChunkId id);
  std::span<const PackedReplica> Replicas(ChunkId id, const Entry& entry) const;
  ChunkInfo Unpack(ChunkId id, const Entry& entry) const;
  uint64_t HashOf(ChunkId id, const Entry& entry, const Replica& replica) const;
  // Takes all replicas of the entry out of, or puts them into, the digests and counts.
  void CountReplicas(ChunkId id, const Entry& entry, int delta);
  void StoreReplicas(ChunkId id, Entry* entry, std::span<const Replica> replicas);

  struct ServerSums {
    InventoryDigests digests{};
    uint64_t count = 0;
  };
  std::vector<EntryMap> shards_;
  // Replicas of the few chunks that have more than fit into their entry.
  absl::flat_hash_map<ChunkId, std::vector<PackedReplica>> overflow_;
  absl::flat_hash_map<ServerId, std::unique_ptr<ServerSums>> sums_;
  size_t size_ = 0;
};

}  // namespace quern::master
