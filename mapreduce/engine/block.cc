#include "mapreduce/engine/block.h"

#include <lz4.h>

#include <cstring>

#include "common/crc32c.h"

namespace quern::mr {

namespace {

uint32_t BlockCrc(std::string_view header_bytes, std::initializer_list<std::string_view> stored) {
  uint32_t crc = Crc32c(header_bytes.substr(0, kBlockCrcOffset));
  for (const std::string_view part : stored) crc = ExtendCrc32c(crc, part.data(), part.size());
  return crc;
}

}  // namespace

absl::StatusOr<Codec> ParseCodec(std::string_view name) {
  if (name.empty() || name == "none" || name == "auto") return Codec::kNone;
  if (name == "lz4") return Codec::kLz4;
  return InvalidArgumentError("codec '{}': unknown. Try: none, lz4, auto", name);
}

void EncodeBlockHeader(uint32_t raw_bytes, Codec codec,
                       std::initializer_list<std::string_view> stored, char* out) {
  size_t bytes = 0;
  for (const std::string_view part : stored) bytes += part.size();
  const uint32_t sizes[2] = {static_cast<uint32_t>(bytes), raw_bytes};
  std::memcpy(out, sizes, sizeof(sizes));
  const uint32_t codec_word = static_cast<uint32_t>(codec);
  std::memcpy(out + 8, &codec_word, sizeof(codec_word));
  const uint32_t crc = BlockCrc({out, kBlockHeaderBytes}, stored);
  std::memcpy(out + kBlockCrcOffset, &crc, sizeof(crc));
}

absl::StatusOr<BlockHeader> DecodeBlockHeader(std::string_view bytes) {
  if (bytes.size() < kBlockHeaderBytes) return DataLossError("block header cut short");
  uint32_t words[4];
  std::memcpy(words, bytes.data(), sizeof(words));
  const bool plain = words[2] == static_cast<uint32_t>(Codec::kNone);
  constexpr uint32_t kMaxCompressed = LZ4_COMPRESSBOUND(2 << 20);
  const bool sizes_fit = plain ? words[0] == words[1] : words[0] <= kMaxCompressed;
  if (words[2] > static_cast<uint32_t>(Codec::kLz4) || !sizes_fit || words[1] == 0 ||
      words[1] > kMaxRecordBytes + 2 * kMaxVarintBytes) {
    return DataLossError("not a block header: {} bytes, raw {}, codec {}", words[0], words[1],
                         words[2]);
  }
  return BlockHeader{words[0], words[1], static_cast<Codec>(words[2]), words[3]};
}

absl::Status CheckBlock(std::string_view header_bytes, std::string_view stored) {
  uint32_t crc = 0;
  std::memcpy(&crc, header_bytes.data() + kBlockCrcOffset, sizeof(crc));
  const uint32_t found = BlockCrc(header_bytes, {stored});
  if (found == crc) return absl::OkStatus();
  return DataLossError("block of {} bytes: CRC {:08x}, written as {:08x}", stored.size(), found,
                       crc);
}

absl::Status Lz4Decompress(std::string_view stored, size_t raw_bytes, char* raw) {
  const int got = LZ4_decompress_safe(stored.data(), raw, static_cast<int>(stored.size()),
                                      static_cast<int>(raw_bytes));
  if (got >= 0 && static_cast<size_t>(got) == raw_bytes) return absl::OkStatus();
  return DataLossError("block of {} bytes does not decompress to {}", stored.size(), raw_bytes);
}

}  // namespace quern::mr
