// The in-memory twin of RocksReplicaIndex, with a power switch: what was not synced is forgotten.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "chunkserver/store/replica_index.h"
#include "common/mutex.h"

namespace quern::chunkserver {

// The contents of one index, which outlive the object that is open on them.
class MemoryIndexContents {
 public:
  void PowerCut();
  // Every write fails with this, unless it is OK, and changes nothing.
  void FailWrites(const absl::Status& status);
  // The same for reads of checksums and bytes.
  void FailReads(const absl::Status& status);

 private:
  friend class MemoryReplicaIndex;
  struct Tables {
    std::optional<DiskIdentity> identity;
    std::map<ChunkId, ReplicaRecord> replicas;
    std::map<ChunkId, std::map<uint64_t, AppendRecord>> appends;
    std::map<ChunkId, SealedSums> sums;
    std::map<ChunkId, std::string> payloads;
  };
  Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status read_failure_ ABSL_GUARDED_BY(mutex_);
  Tables now_ ABSL_GUARDED_BY(mutex_);
  Tables durable_ ABSL_GUARDED_BY(mutex_);
};

class MemoryReplicaIndex : public ReplicaIndex {
 public:
  explicit MemoryReplicaIndex(std::shared_ptr<MemoryIndexContents> contents)
      : contents_(std::move(contents)) {}

  absl::StatusOr<DiskIdentity> LoadIdentity() override;
  absl::Status PutIdentity(const DiskIdentity& identity, WriteMode mode) override;
  absl::Status PutReplica(const ReplicaRecord& record, WriteMode mode) override;
  absl::Status PutAppend(ChunkId chunk, const AppendRecord& append, WriteMode mode) override;
  absl::Status PutWhole(std::span<const Whole> replicas, WriteMode mode) override;
  absl::Status PutSealed(const ReplicaRecord& record, const SealedSums& sums,
                         WriteMode mode) override;
  absl::Status PutCut(const ReplicaRecord& record, WriteMode mode) override;
  absl::Status Remove(ChunkId chunk, WriteMode mode) override;
  absl::Status ForEachReplica(const std::function<absl::Status(ReplicaRecord)>& visit) override;
  absl::StatusOr<std::vector<AppendRecord>> LoadAppends(ChunkId chunk) override;
  absl::StatusOr<SealedSums> LoadSums(ChunkId chunk) override;
  absl::StatusOr<std::string> LoadPayload(ChunkId chunk) override;

 private:
  using Tables = MemoryIndexContents::Tables;
  absl::Status Write(WriteMode mode, const std::function<void(Tables*)>& change);

  const std::shared_ptr<MemoryIndexContents> contents_;
};

}  // namespace quern::chunkserver
