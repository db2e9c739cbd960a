// Blocks: the unit in which sorted records are written, checked and compressed.
//
//   block  = u32 stored bytes | u32 raw bytes | u8 codec | 3 zero bytes | u32 CRC32C | stored bytes
//   raw    = record*
//   record = varint key size | varint value size | key | value
//
// Integers are little-endian; the CRC covers the 12 bytes before it and the stored bytes. A record
// never crosses blocks. A record of more than kLargeRecordBytes has a block of its own, never
// compressed, so that a reader can map it instead of loading it (docs/formats/map-output.md).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern::mr {

enum class Codec : uint8_t { kNone = 0, kLz4 = 1 };

// "none", "", "auto" -> kNone (compression never pays between processes of one machine); "lz4".
absl::StatusOr<Codec> ParseCodec(std::string_view name);

inline constexpr size_t kBlockHeaderBytes = 16;
inline constexpr size_t kBlockCrcOffset = 12;
// A block is closed when it has reached this size.
inline constexpr size_t kBlockBytes = 64 << 10;
inline constexpr size_t kLargeRecordBytes = 1 << 20;
// Key and value of one record together.
inline constexpr uint64_t kMaxRecordBytes = (uint64_t{1} << 30) + (64 << 20);

struct BlockHeader {
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  Codec codec = Codec::kNone;
  uint32_t crc = 0;
};

// Writes the header of the stored bytes to `out`, with its checksum. They may come in parts, so
// that a large key and value need not be copied.
void EncodeBlockHeader(uint32_t raw_bytes, Codec codec,
                       std::initializer_list<std::string_view> stored, char* out);

// DataLoss when the header cannot be one; the checksum is not looked at yet.
absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes);
// DataLoss when the stored bytes, or the header, are not what was written.
absl::Status CheckBlock(std::string_view header_bytes, std::string_view stored);

// DataLoss when `stored` does not give exactly raw.size() bytes.
absl::Status Lz4Decompress(std::string_view stored, size_t raw_bytes, char* raw);

// Appends as 7 bits a byte, lowest first.
inline char* EncodeVarint(uint64_t value, char* out) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
inline constexpr size_t kMaxVarintBytes = 10;

// Reads one and moves *at behind it; false when it does not end before `end`.
inline bool DecodeVarint(const char** at, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && *at < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*(*at)++);
    result |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

}  // namespace quern::mr
