// What one disk remembers besides the bytes themselves: the replicas, their append records or block
// checksums, and whose disk it is. RocksDB in life (rocks_replica_index.h), a map in tests.
//
// Every write is atomic. A synced write is durable when it returns, and so is every earlier write
// to the same index, because they share one log. An unsynced one survives the death of the process
// but not of the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chunkserver/logic/disk_roster.h"
#include "chunkserver/logic/replica_types.h"
#include "common/master_history.h"
#include "common/status.h"

namespace quern::chunkserver {

enum class WriteMode { kUnsynced, kSynced };

struct DiskIdentity {
  std::string server_uuid = {};  // same on all disks of a server
  std::string disk_uuid = {};
  std::string cluster_id = {};        // empty before the first registration
  FollowedMaster followed = {};       // whose orders were last carried out
  std::vector<KnownDisk> disks = {};  // see DiskRoster
  bool operator==(const DiskIdentity&) const = default;
};

// Thread-safe. Failures: ResourceExhausted (disk full), DataLoss (damaged, or the disk fails),
// Internal (the disk is away). Reads say which of these it is, because damage is for good.
class ReplicaIndex {
 public:
  virtual ~ReplicaIndex() = default;

  // The disk has no room for the index: nothing new should be begun on it.
  virtual bool Full() { return false; }

  // NotFound on a new disk. Unavailable: the disk does not give it now.
  virtual absl::StatusOr<DiskIdentity> LoadIdentity() = 0;
  virtual absl::Status PutIdentity(const DiskIdentity& identity, WriteMode mode) = 0;

  virtual absl::Status PutReplica(const ReplicaRecord& record, WriteMode mode) = 0;
  virtual absl::Status PutAppend(ChunkId chunk, const AppendRecord& append, WriteMode mode) = 0;
  // Replicas that came whole.
  struct Whole {
    ReplicaRecord record;
    AppendRecord append;  // the only one
    std::string payload;
  };
  virtual absl::Status PutWhole(std::span<const Whole> replicas, WriteMode mode) = 0;
  // The replica is sealed: `sums` in place of its append records. Bytes that are here stay if the
  // record says so.
  virtual absl::Status PutSealed(const ReplicaRecord& record, const SealedSums& sums,
                                 WriteMode mode) = 0;
  // After a crash: stores the record and drops the append records that end beyond its length.
  virtual absl::Status PutCut(const ReplicaRecord& record, WriteMode mode) = 0;
  // Everything of the chunk; OK when there is nothing.
  virtual absl::Status Remove(ChunkId chunk, WriteMode mode) = 0;

  // In order of chunk ids. Stops at the first error, also one of `visit`. Unavailable: the disk
  // does not give them now.
  virtual absl::Status ForEachReplica(const std::function<absl::Status(ReplicaRecord)>& visit) = 0;
  // In order of offsets; empty when there are none.
  virtual absl::StatusOr<std::vector<AppendRecord>> LoadAppends(ChunkId chunk) = 0;
  // NotFound when the replica is not sealed, or its row was read and is damaged. DataLoss: the disk
  // refuses to give it (EIO).
  virtual absl::StatusOr<SealedSums> LoadSums(ChunkId chunk) = 0;
  // NotFound when its bytes are not here, or damaged, and DataLoss as of LoadSums. Read from the
  // disk, as far as that is possible.
  virtual absl::StatusOr<std::string> LoadPayload(ChunkId chunk) = 0;
};

}  // namespace quern::chunkserver
