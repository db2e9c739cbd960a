// Blocks of record files: packed, checked, and found from any place in the file.
//
//   file   = block*
//   block  = mark (16) | u32 stored bytes | u32 raw bytes | u32 records | u8 codec | u8 mask | u16
//   0
//          | u32 CRC32C of stored | u32 CRC32C of the 36 bytes before | stored | zeros
//   raw    = record*
//   record = varint key size | varint value size | key | value
//
// Integers are little-endian. The mark stands at the start of blocks and nowhere else, whatever the
// records are: `stored` is XORed with `mask`, which is 0 unless the mark would occur in it. A block
// takes at least as many bytes as it has records (zeros fill it up), so that "offset of the block +
// number of the record" is a position of its own for each record. Record files one after another
// are a record file (docs/formats/record-file.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern {

enum class RecordCodec : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };
absl::StatusOr<RecordCodec> ParseRecordCodec(std::string_view name);

inline constexpr std::string_view kRecordMark(
    "\xb7\xf1\x9e\x4d\xc3\x88\xe5\x62\xfa\xd9\x71\xac\x5f\xe0\x93\xd6", 16);
inline constexpr size_t kRecordHeaderBytes = 40;
// Blocks are closed at this size of `raw`; a longer record has one of its own.
inline constexpr size_t kRecordBlockBytes = 128 << 10;
inline constexpr uint32_t kMaxBlockRecords = 8192;
// Longer blocks are not compressed, so that they can be read without memory for them.
inline constexpr size_t kMaxPackedBytes = 4 << 20;
inline constexpr uint64_t kMaxRecordFileRecord = uint64_t{1} << 30;  // key and value together

struct RecordBlockHeader {
  uint32_t stored_bytes = 0;
  uint32_t raw_bytes = 0;
  uint32_t records = 0;
  RecordCodec codec = RecordCodec::kNone;
  unsigned char mask = 0;
  uint32_t stored_crc = 0;

  // From the mark of this block to where the next one is expected.
  uint64_t block_bytes() const;
};

// Of kRecordHeaderBytes bytes that begin with the mark. Nothing when they are no header.
std::optional<RecordBlockHeader> ParseRecordBlockHeader(std::string_view bytes);

// Gathers the records of a block. Used by one thread.
class RecordBlockBuilder {
 public:
  explicit RecordBlockBuilder(RecordCodec codec) : codec_(codec) {}

  // Whether a record of so many bytes should begin another block.
  bool IsFullFor(size_t record_bytes) const;
  bool empty() const { return records_ == 0; }
  // InvalidArgument when it is larger than every limit.
  absl::Status Add(std::string_view key, std::string_view value);
  // The block, valid until the next call; starts another one. Not for an empty one.
  absl::StatusOr<std::string_view> Finish();

 private:
  // Their size without the header.
  size_t raw_bytes() const { return raw_.size() - kRecordHeaderBytes; }
  absl::StatusOr<std::string*> Pack(RecordBlockHeader* header);

  const RecordCodec codec_;
  // Both with room for a header in front: one of them becomes the block, without a copy, for a
  // record may have a gibibyte. packed_ only grows: bytes that a block is packed into again need no
  // zeros before.
  std::string raw_;
  std::string packed_;
  uint32_t records_ = 0;
};

// The stored bytes of a block of at most kMaxPackedBytes, turned back into records; a view of them
// or of `buffer`. Nothing when they are not what was written.
std::optional<std::string_view> OpenRecordBlock(const RecordBlockHeader& header,
                                                std::string_view stored, std::string* buffer);

// Takes the next record off *raw; false when there is none, or no whole one.
bool TakeRecord(std::string_view* raw, std::string_view* key, std::string_view* value);

}  // namespace quern
