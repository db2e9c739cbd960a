// Every chunk of the cluster in memory: its logged state, and who holds a replica in which state.
//
// What the log decides (state, length, CRC) comes from applied records; replicas come from reports.
// A replica is *confirmed* when its server has vouched for it in this term; others are hints from
// the last run. The digest of each server's inventory buckets is kept up to date, so that comparing
// with a server costs nothing, and the chunks of a server are listed, so that what follows from its
// coming or going costs as much as it holds, not as much as there is.
//
// A chunk with three replicas takes 24 bytes, 5 to 6 in the hash table that finds it, and 4.4 for
// each replica in its server's list; a server takes 8 KiB of digests. Not thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/ids.h"
#include "common/inventory_digest.h"
#include "common/status.h"
#include "master/logic/chunk_pool.h"
#include "master/logic/chunk_ref_set.h"
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
  // How far a walk over the chunks of a server has come.
  class Walk {
   public:
    bool at_end() const { return next_ > UINT32_MAX; }

   private:
    friend class ChunkTable;
    uint64_t next_ = 0;
  };

  // Replicas on more servers than can be numbered take more memory.
  explicit ChunkTable(uint32_t max_numbered_servers = 1 << 16);

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

  bool Contains(ChunkId id) const { return Pool(id).Find(id) != ChunkPool::kNoSlot; }
  std::optional<ChunkInfo> Find(ChunkId id) const;
  size_t size() const;
  // The next chunks that have a replica on `server`, at most `limit` of them, bucket by bucket.
  // Between two calls anything may change: each chunk that has its replica all the time comes once.
  std::vector<ChunkInfo> NextOnServer(ServerId server, size_t limit, Walk* walk) const;
  // The chunks of one inventory bucket that have a replica on `server`.
  std::vector<ChunkId> InBucket(ServerId server, uint32_t bucket) const;
  // Number of replicas on a server, confirmed or not.
  uint64_t CountOnServer(ServerId server) const;

  // What the server's digests should be.
  InventoryDigests Digests(ServerId server) const;

  // Internal: what is wrong (digests, counts and lists against the records). For tests.
  absl::Status Validate() const;

 private:
  static constexpr size_t kInlineReplicas = 3;
  using Replicas = absl::InlinedVector<Replica, 4>;
  // Where a chunk's record is: 10 bits of bucket and 22 of slot.
  struct Place {
    uint32_t bucket;
    uint32_t slot;
    uint32_t ref() const { return bucket << ChunkPool::kSlotBits | slot; }
  };
  // What is known of one server's inventory.
  struct ServerSums {
    ServerId server;
    // Names the server in 16 bits in the records; kNoIndex: all numbers are taken.
    uint32_t index = 0;
    InventoryDigests digests{};
    ChunkRefSet chunks;
  };
  static constexpr uint32_t kNoIndex = UINT32_MAX;

  ChunkPool& Pool(ChunkId id) { return pools_[InventoryBucket(id)]; }
  const ChunkPool& Pool(ChunkId id) const { return pools_[InventoryBucket(id)]; }
  std::optional<Place> PlaceOf(ChunkId id) const;
  ChunkRecord& At(Place place) { return pools_[place.bucket][place.slot]; }
  const ChunkRecord& At(Place place) const { return pools_[place.bucket][place.slot]; }

  Replicas ReplicasOf(const ChunkRecord& record) const;
  void StoreReplicas(const Replicas& replicas, ChunkRecord* record);
  ChunkInfo Unpack(const ChunkRecord& record) const;
  // Takes the replica out of, or puts it into, its server's digests.
  void Toggle(const ChunkRecord& record, const Replica& replica);
  // The replica comes to, or goes from, its server's list and digests.
  void Join(Place place, const Replica& replica);
  void Leave(Place place, const Replica& replica);
  ServerSums& SumsOf(ServerId server);

  const uint32_t max_numbered_servers_;
  // One per inventory bucket, so that no single table grows by much at once.
  std::vector<ChunkPool> pools_;
  // Replicas of the few chunks that have more than fit into their record.
  absl::flat_hash_map<ChunkId, Replicas> elsewhere_;
  // Of servers that hold anything.
  absl::flat_hash_map<ServerId, std::unique_ptr<ServerSums>> sums_;
  std::vector<ServerId> by_index_;
  std::vector<uint32_t> free_indices_;
};

}  // namespace quern::master
