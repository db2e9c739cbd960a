#include "tests/chunkserver/store/memory_replica_index.h"

namespace quern::chunkserver {

void MemoryIndexContents::PowerCut() {
  MutexLock lock(&mutex_);
  now_ = durable_;
}

void MemoryIndexContents::FailWrites(const absl::Status& status) {
  MutexLock lock(&mutex_);
  failure_ = status;
}

void MemoryIndexContents::FailReads(const absl::Status& status) {
  MutexLock lock(&mutex_);
  read_failure_ = status;
}

absl::Status MemoryReplicaIndex::Write(WriteMode mode, const std::function<void(Tables*)>& change) {
  MutexLock lock(&contents_->mutex_);
  RETURN_IF_ERROR(contents_->failure_);
  change(&contents_->now_);
  // One log: a synced write takes every earlier one with it.
  if (mode == WriteMode::kSynced) contents_->durable_ = contents_->now_;
  return absl::OkStatus();
}

absl::StatusOr<DiskIdentity> MemoryReplicaIndex::LoadIdentity() {
  MutexLock lock(&contents_->mutex_);
  if (!contents_->now_.identity) return NotFoundError("no identity");
  return *contents_->now_.identity;
}

absl::Status MemoryReplicaIndex::PutIdentity(const DiskIdentity& identity, WriteMode mode) {
  return Write(mode, [&](Tables* tables) { tables->identity = identity; });
}

absl::Status MemoryReplicaIndex::PutReplica(const ReplicaRecord& record, WriteMode mode) {
  return Write(mode, [&](Tables* tables) { tables->replicas[record.spec.chunk] = record; });
}

absl::Status MemoryReplicaIndex::PutAppend(ChunkId chunk, const AppendRecord& append,
                                           WriteMode mode) {
  return Write(mode, [&](Tables* tables) { tables->appends[chunk][append.end] = append; });
}

absl::Status MemoryReplicaIndex::PutWhole(std::span<const Whole> replicas, WriteMode mode) {
  return Write(mode, [&](Tables* tables) {
    for (const Whole& whole : replicas) {
      const ChunkId chunk = whole.record.spec.chunk;
      tables->replicas[chunk] = whole.record;
      tables->appends[chunk][whole.append.end] = whole.append;
      tables->payloads[chunk] = whole.payload;
    }
  });
}

absl::Status MemoryReplicaIndex::PutSealed(const ReplicaRecord& record, const SealedSums& sums,
                                           WriteMode mode) {
  return Write(mode, [&](Tables* tables) {
    tables->replicas[record.spec.chunk] = record;
    tables->sums[record.spec.chunk] = sums;
    tables->appends.erase(record.spec.chunk);
    if (!record.in_index) tables->payloads.erase(record.spec.chunk);
  });
}

absl::Status MemoryReplicaIndex::PutCut(const ReplicaRecord& record, WriteMode mode) {
  return Write(mode, [&](Tables* tables) {
    tables->replicas[record.spec.chunk] = record;
    auto& appends = tables->appends[record.spec.chunk];
    appends.erase(appends.upper_bound(record.length), appends.end());
  });
}

absl::Status MemoryReplicaIndex::Remove(ChunkId chunk, WriteMode mode) {
  return Write(mode, [&](Tables* tables) {
    tables->replicas.erase(chunk);
    tables->sums.erase(chunk);
    tables->appends.erase(chunk);
    tables->payloads.erase(chunk);
  });
}

absl::Status MemoryReplicaIndex::ForEachReplica(
    const std::function<absl::Status(ReplicaRecord)>& visit) {
  std::map<ChunkId, ReplicaRecord> replicas;
  {
    MutexLock lock(&contents_->mutex_);
    replicas = contents_->now_.replicas;
  }
  for (auto& [chunk, record] : replicas) RETURN_IF_ERROR(visit(std::move(record)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AppendRecord>> MemoryReplicaIndex::LoadAppends(ChunkId chunk) {
  MutexLock lock(&contents_->mutex_);
  std::vector<AppendRecord> appends;
  for (const auto& [end, append] : contents_->now_.appends[chunk]) appends.push_back(append);
  return appends;
}

absl::StatusOr<SealedSums> MemoryReplicaIndex::LoadSums(ChunkId chunk) {
  MutexLock lock(&contents_->mutex_);
  RETURN_IF_ERROR(contents_->read_failure_);
  const auto found = contents_->now_.sums.find(chunk);
  if (found == contents_->now_.sums.end()) return NotFoundError("no sums of {}", chunk);
  return found->second;
}

absl::StatusOr<std::string> MemoryReplicaIndex::LoadPayload(ChunkId chunk) {
  MutexLock lock(&contents_->mutex_);
  RETURN_IF_ERROR(contents_->read_failure_);
  const auto found = contents_->now_.payloads.find(chunk);
  if (found == contents_->now_.payloads.end()) return NotFoundError("no payload of {}", chunk);
  return found->second;
}

}  // namespace quern::chunkserver
