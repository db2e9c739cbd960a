#include "mapreduce/formats/sst_footer.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/hash.h"

namespace quern::mr {

namespace {

// {checksum type 1, two block handles padded to 40, version 4, magic 8}, little-endian
// (rocksdb/table/format.cc).
constexpr size_t kHandlesBytes = 40;
constexpr size_t kFooterBytes = 1 + kHandlesBytes + 4 + 8;
constexpr uint64_t kMagic = 0x88e241b785f4cff7;
constexpr uint32_t kVersion = 5;
constexpr char kXxh3 = 4;
// Behind each block: how it is compressed, and the checksum of it and that.
constexpr uint64_t kTrailerBytes = 5;
// Of the block that names other blocks, and of the one with properties: far more than they have.
constexpr uint64_t kMaxMetaBytes = 1 << 20;
constexpr std::string_view kProperties = "rocksdb.properties";
constexpr std::string_view kHowToMakeOne = "Try: a job with --set output.format=table";

struct Handle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

template <typename Number>
Number Fixed(std::string_view bytes) {
  Number number;
  std::memcpy(&number, bytes.data(), sizeof(number));
  return number;
}

// Seven bits a byte, the lowest first.
bool TakeVarint(std::string_view* bytes, uint64_t* number) {
  *number = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto next = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *number |= uint64_t{next & 0x7fu} << shift;
    if (next < 0x80) return true;
  }
  return false;
}

// Of a block that ends before `end`.
bool TakeHandle(std::string_view* bytes, uint64_t end, Handle* handle) {
  if (!TakeVarint(bytes, &handle->offset) || !TakeVarint(bytes, &handle->size)) return false;
  return handle->offset <= end && handle->size <= end - handle->offset &&
         kTrailerBytes <= end - handle->offset - handle->size;
}

absl::StatusOr<std::string> ReadRange(ReadableFile* file, uint64_t offset, uint64_t length) {
  const auto stream = file->Stream(offset, length);
  std::string bytes;
  while (bytes.size() < length) {
    ASSIGN_OR_RETURN(const std::string_view piece, stream->Next());
    if (piece.empty()) return DataLossError("sorted table: is shorter than its length");
    bytes += piece;
  }
  return bytes;
}

// RocksDB's form of XXH3: the last byte is worked in afterwards (ModifyChecksumForLastByte).
uint32_t Checksum(std::string_view block, char last) {
  constexpr uint32_t kPrime = 0x6b9083d9;
  return static_cast<uint32_t>(Hash64(block)) ^ static_cast<unsigned char>(last) * kPrime;
}

// The block, not decompressed.
absl::StatusOr<std::string> ReadBlock(ReadableFile* file, const Handle& handle,
                                      std::string_view what) {
  if (handle.size > kMaxMetaBytes) {
    return DataLossError("sorted table: {} has {} bytes", what, handle.size);
  }
  ASSIGN_OR_RETURN(std::string block, ReadRange(file, handle.offset, handle.size + kTrailerBytes));
  const auto stored = Fixed<uint32_t>(std::string_view(block).substr(handle.size + 1));
  const char compression = block[handle.size];
  block.resize(handle.size);
  if (stored == Checksum(block, compression)) return block;
  return DataLossError("sorted table: the checksum of {} is wrong", what);
}

// RocksDB decodes both before it looks at their checksums.
absl::Status CheckMetaBlocks(ReadableFile* file, const Handle& index_of_blocks, uint64_t end) {
  ASSIGN_OR_RETURN(const std::string names,
                   ReadBlock(file, index_of_blocks, "the list of its blocks"));
  // Whole names, each with its handle behind it.
  const size_t at = names.find(kProperties);
  std::string_view rest = std::string_view(names).substr(std::min(at, names.size()));
  rest.remove_prefix(std::min(kProperties.size(), rest.size()));
  Handle properties;
  if (!TakeHandle(&rest, end, &properties)) {
    return DataLossError("sorted table: says nothing of its properties");
  }
  return ReadBlock(file, properties, "its properties").status();
}

}  // namespace

absl::Status CheckSstFooter(ReadableFile* file) {
  if (file->length() < kFooterBytes) {
    return DataLossError("sorted table: has {} bytes, its end alone would have {}. {}",
                         file->length(), kFooterBytes, kHowToMakeOne);
  }
  ASSIGN_OR_RETURN(const std::string footer,
                   ReadRange(file, file->length() - kFooterBytes, kFooterBytes));
  const std::string_view version = std::string_view(footer).substr(1 + kHandlesBytes);
  if (Fixed<uint64_t>(version.substr(4)) != kMagic) {
    return DataLossError("sorted table: does not end as one: it was cut, or is another file. {}",
                         kHowToMakeOne);
  }
  if (Fixed<uint32_t>(version) != kVersion) {
    return DataLossError("sorted table: says format version {}, only {} is read",
                         Fixed<uint32_t>(version), kVersion);
  }
  if (footer[0] != kXxh3) {
    return DataLossError("sorted table: has checksums of kind {}, only XXH3 ({}) is read",
                         int{footer[0]}, int{kXxh3});
  }
  std::string_view handles = std::string_view(footer).substr(1, kHandlesBytes);
  const uint64_t end = file->length() - kFooterBytes;
  Handle index_of_blocks;
  Handle index;
  if (!TakeHandle(&handles, end, &index_of_blocks) || !TakeHandle(&handles, end, &index)) {
    return DataLossError("sorted table: its end names blocks that are not in the file");
  }
  return CheckMetaBlocks(file, index_of_blocks, end);
}

}  // namespace quern::mr
