// The checksums of a growing chunk: one running CRC32C of everything and one per 64 KiB block, both
// from a single pass over each payload.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <vector>

#include "chunkserver/logic/replica_types.h"

namespace quern::chunkserver {

// A payload's CRC32C, and that of its parts as the block borders of the chunk cut it.
struct PayloadSums {
  struct Part {
    uint32_t crc = 0;
    uint32_t bytes = 0;
  };
  uint32_t crc = 0;
  uint64_t bytes = 0;
  std::vector<Part> parts;
};
// `offset`: where the payload begins in the chunk. The only pass over the bytes.
PayloadSums SumPayload(uint64_t offset, std::span<const iovec> payload);

class ChunkSums {
 public:
  uint64_t length() const { return length_; }
  uint32_t crc() const { return crc_; }
  // CRC32C of block `index`: of its bytes so far when it is the last one.
  uint32_t block(uint64_t index) const {
    return index < closed_.size() ? closed_[index] : tail_crc_;
  }
  // All blocks, the begun one included.
  std::vector<uint32_t> Blocks() const;

  // What an append of `payload`, summed at offset length(), makes of the chunk. Changes nothing:
  // the record is made durable first.
  AppendRecord Next(const PayloadSums& payload) const;
  // Takes a record over, a new one or one that was read back. Records must come in order.
  void Apply(const AppendRecord& record);
  // Gives the memory back; length() and crc() stay.
  void DropBlocks();
  // For a sealed replica whose blocks stay on the disk.
  void SetTotals(uint64_t length, uint32_t crc);

 private:
  uint64_t length_ = 0;
  uint32_t crc_ = 0;
  std::vector<uint32_t> closed_;
  uint32_t tail_crc_ = 0;
};

}  // namespace quern::chunkserver
