#include "chunkserver/store/incoming_copy.h"

namespace quern::chunkserver {

absl::StatusOr<std::unique_ptr<IncomingCopy>> IncomingCopy::Begin(Disk* disk, ChunkId chunk,
                                                                  uint64_t length) {
  const Disk::Use use(disk);
  auto file = disk->CreateTemporary(chunk, length);
  RETURN_IF_ERROR(disk->Check(file.status()));
  return std::unique_ptr<IncomingCopy>(new IncomingCopy(disk, chunk, *std::move(file)));
}

IncomingCopy::~IncomingCopy() {
  if (!finished_) disk_->RemoveTemporary(chunk_);
}

absl::Status IncomingCopy::Restart() {
  if (sums_.length() == 0) return absl::OkStatus();
  const Disk::Use use(disk_);
  sums_ = {};
  producers_.clear();
  return disk_->Check(file_->Truncate(0));
}

absl::Status IncomingCopy::Append(std::span<const iovec> payload, const PayloadSums& sums) {
  const Disk::Use use(disk_);
  RETURN_IF_ERROR(disk_->Check(file_->Pwritev(payload, sums_.length())));
  sums_.Apply(sums_.Next(sums));
  return absl::OkStatus();
}

absl::StatusOr<ReplicaRecord> IncomingCopy::Finish(uint64_t length, uint32_t crc) {
  if (sums_.length() != length || sums_.crc() != crc) {
    return DataLossError("chunk {}: copied {} bytes with CRC32C {:08x}, sealed are {} with {:08x}",
                         chunk_, sums_.length(), sums_.crc(), length, crc);
  }
  const Disk::Use use(disk_);
  if (const absl::Status status = file_->Datasync(); !status.ok()) {
    disk_->Fail(status);
    return status;
  }
  RETURN_IF_ERROR(disk_->Check(disk_->PublishTemporary(chunk_)));
  finished_ = true;
  ReplicaRecord record;
  record.spec.chunk = chunk_;
  record.spec.capacity_bytes = length;
  record.state = ReplicaState::kFinalized;
  record.length = record.synced = length;
  record.crc = crc;
  record.sealed = true;
  RETURN_IF_ERROR(disk_->Check(disk_->index().PutSealed(
      record, {.blocks = sums_.Blocks(), .producers = producers_}, WriteMode::kSynced)));
  return record;
}

}  // namespace quern::chunkserver
