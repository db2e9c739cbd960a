#include "chunkserver/logic/checksums.h"

#include <algorithm>

#include "common/crc32c.h"

namespace quern::chunkserver {

PayloadSums SumPayload(uint64_t offset, std::span<const iovec> payload) {
  PayloadSums sums;
  uint64_t room = kBlockBytes - offset % kBlockBytes;  // in the block that is being filled
  PayloadSums::Part part;
  const auto close_part = [&] {
    sums.crc = ConcatCrc32c(sums.crc, part.crc, part.bytes);
    sums.bytes += part.bytes;
    sums.parts.push_back(part);
    part = {};
  };
  for (const iovec& piece : payload) {
    const char* bytes = static_cast<const char*>(piece.iov_base);
    size_t left = piece.iov_len;
    while (left > 0) {
      const size_t step = std::min<uint64_t>(left, room);
      part.crc = ExtendCrc32c(part.crc, bytes, step);
      part.bytes += static_cast<uint32_t>(step);
      bytes += step;
      left -= step;
      room -= step;
      if (room == 0) {
        close_part();
        room = kBlockBytes;
      }
    }
  }
  if (part.bytes > 0) close_part();
  return sums;
}

std::vector<uint32_t> ChunkSums::Blocks() const {
  std::vector<uint32_t> blocks = closed_;
  if (length_ % kBlockBytes != 0) blocks.push_back(tail_crc_);
  return blocks;
}

AppendRecord ChunkSums::Next(const PayloadSums& payload) const {
  AppendRecord record;
  record.start = record.end = length_;
  record.tail_crc = tail_crc_;
  for (const PayloadSums::Part& part : payload.parts) {
    record.tail_crc = ConcatCrc32c(record.tail_crc, part.crc, part.bytes);
    record.end += part.bytes;
    if (record.end % kBlockBytes == 0) {
      record.closed_blocks.push_back(record.tail_crc);
      record.tail_crc = 0;
    }
  }
  record.payload_crc = payload.crc;
  record.running_crc = ConcatCrc32c(crc_, payload.crc, payload.bytes);
  return record;
}

void ChunkSums::Apply(const AppendRecord& record) {
  closed_.insert(closed_.end(), record.closed_blocks.begin(), record.closed_blocks.end());
  length_ = record.end;
  crc_ = record.running_crc;
  tail_crc_ = record.tail_crc;
}

void ChunkSums::DropBlocks() {
  closed_ = {};
  tail_crc_ = 0;
}

void ChunkSums::SetTotals(uint64_t length, uint32_t crc) {
  length_ = length;
  crc_ = crc;
}

}  // namespace quern::chunkserver
