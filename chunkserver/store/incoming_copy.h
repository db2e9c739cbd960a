// A replica that is being fetched from another server. Nothing of it is seen before it is whole,
// checked and durable.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "chunkserver/logic/checksums.h"
#include "chunkserver/store/disk.h"
#include "common/storage/file_io.h"

namespace quern::chunkserver {

// For one thread. Its temporary file goes with it unless Finish succeeded.
class IncomingCopy {
 public:
  // ResourceExhausted when the disk is full.
  static absl::StatusOr<std::unique_ptr<IncomingCopy>> Begin(Disk* disk, ChunkId chunk,
                                                             uint64_t length);
  ~IncomingCopy();
  IncomingCopy(const IncomingCopy&) = delete;
  IncomingCopy& operator=(const IncomingCopy&) = delete;

  // Of the bytes so far.
  uint64_t length() const { return sums_.length(); }
  uint32_t crc() const { return sums_.crc(); }
  Disk* disk() const { return disk_; }
  ChunkId chunk() const { return chunk_; }
  // Forgets what came so far: another source is tried.
  absl::Status Restart();
  // Appends bytes whose checksum the caller has compared with sums.crc; summed at length().
  absl::Status Append(std::span<const iovec> payload, const PayloadSums& sums);
  // What the source knows of the appends in it, so that writers can be answered from a copy too.
  void set_producers(std::vector<ProducerSeq> producers) { producers_ = std::move(producers); }
  // DataLoss when length or CRC32C are not what the log says. Otherwise the data file is in its
  // place and the record, which is returned, is stored; both durable.
  absl::StatusOr<ReplicaRecord> Finish(uint64_t length, uint32_t crc);

 private:
  IncomingCopy(Disk* disk, ChunkId chunk, std::unique_ptr<File> file)
      : disk_(disk), chunk_(chunk), file_(std::move(file)) {}

  Disk* const disk_;
  const ChunkId chunk_;
  std::unique_ptr<File> file_;
  ChunkSums sums_;
  std::vector<ProducerSeq> producers_;
  bool finished_ = false;
};

}  // namespace quern::chunkserver
