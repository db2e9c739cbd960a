#include "mapreduce/engine/block_checker.h"

#include <algorithm>
#include <cstring>

#include "common/crc32c.h"

namespace quern::mr {

absl::Status BlockChecker::BeginBlock() {
  const std::string_view bytes(header_, kBlockHeaderBytes);
  ASSIGN_OR_RETURN(const BlockHeader header, DecodeBlockHeader(bytes));
  if (header.stored_bytes == 0) return DataLossError("block of no bytes");
  stored_left_ = header.stored_bytes;
  wanted_crc_ = header.crc;
  crc_ = Crc32c(bytes.substr(0, kBlockCrcOffset));
  packed_ = packed_ || header.codec != Codec::kNone;
  return absl::OkStatus();
}

absl::Status BlockChecker::Add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (stored_left_ == 0) {
      const size_t part = std::min(bytes.size(), kBlockHeaderBytes - header_bytes_);
      std::memcpy(header_ + header_bytes_, bytes.data(), part);
      header_bytes_ += part;
      bytes.remove_prefix(part);
      if (header_bytes_ == kBlockHeaderBytes) RETURN_IF_ERROR(BeginBlock());
      continue;
    }
    const size_t part = std::min<uint64_t>(bytes.size(), stored_left_);
    crc_ = ExtendCrc32c(crc_, bytes.data(), part);
    stored_left_ -= part;
    bytes.remove_prefix(part);
    if (stored_left_ > 0) break;
    if (crc_ != wanted_crc_) {
      return DataLossError("block has CRC {:08x}, written as {:08x}", crc_, wanted_crc_);
    }
    header_bytes_ = 0;
  }
  return absl::OkStatus();
}

absl::Status BlockChecker::Finish() const {
  if (header_bytes_ == 0) return absl::OkStatus();
  return DataLossError("the last block is cut short");
}

}  // namespace quern::mr
