// The ReplicaIndex of a disk in RocksDB. Column families and rows: chunk_store.proto.
#pragma once

#include <memory>
#include <string>

#include "chunkserver/store/replica_index.h"
#include "common/storage/rocks.h"

namespace quern::chunkserver {

class RocksReplicaIndex : public ReplicaIndex {
 public:
  struct Options {
    std::string path;
    bool create = false;         // first format of the disk, see RocksOptions
    uint64_t reserve_bytes = 0;  // see RocksOptions
    rocksdb::Env* env = nullptr;
  };
  static absl::StatusOr<std::unique_ptr<ReplicaIndex>> Open(const Options& options);

  bool Full() override { return db_->Full(); }
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
  explicit RocksReplicaIndex(std::unique_ptr<RocksDb> db);
  absl::Status Write(rocksdb::WriteBatch* batch, WriteMode mode);
  // Adds the removal of the chunk's append rows that end beyond `length`.
  absl::Status DropAppends(ChunkId chunk, uint64_t length, rocksdb::WriteBatch* batch);

  const std::unique_ptr<RocksDb> db_;
  rocksdb::ColumnFamilyHandle* const identity_;
  rocksdb::ColumnFamilyHandle* const replicas_;
  rocksdb::ColumnFamilyHandle* const appends_;
  rocksdb::ColumnFamilyHandle* const sums_;
  rocksdb::ColumnFamilyHandle* const payloads_;
};

}  // namespace quern::chunkserver
