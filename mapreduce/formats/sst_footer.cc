#include "mapreduce/formats/sst_footer.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace quern::mr {

namespace {

// {checksum type 1, two block handles padded to 40, version 4, magic 8}, little-endian
// (rocksdb/table/format.cc).
constexpr size_t kHandlesBytes = 40;
constexpr size_t kFooterBytes = 1 + kHandlesBytes + 4 + 8;
constexpr uint64_t kMagic = 0x88e241b785f4cff7;
constexpr uint32_t kVersion = 5;
constexpr char kNoChecksum = 0;
// Behind each block: compression and checksum.
constexpr uint64_t kTrailerBytes = 5;

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

// A block that ends before `end`.
bool TakeHandle(std::string_view* bytes, uint64_t end) {
  uint64_t offset = 0;
  uint64_t size = 0;
  if (!TakeVarint(bytes, &offset) || !TakeVarint(bytes, &size)) return false;
  return offset <= end && size <= end - offset && kTrailerBytes <= end - offset - size;
}

absl::StatusOr<std::string> ReadEnd(ReadableFile* file) {
  const auto stream = file->Stream(file->length() - kFooterBytes, kFooterBytes);
  std::string footer;
  while (footer.size() < kFooterBytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, stream->Next());
    if (piece.empty()) return DataLossError("sorted table: is shorter than its length");
    footer += piece;
  }
  return footer;
}

}  // namespace

absl::Status CheckSstFooter(ReadableFile* file) {
  if (file->length() < kFooterBytes) {
    return DataLossError("sorted table: has {} bytes, its end alone would have {}", file->length(),
                         kFooterBytes);
  }
  ASSIGN_OR_RETURN(const std::string footer, ReadEnd(file));
  const std::string_view version = std::string_view(footer).substr(1 + kHandlesBytes);
  if (Fixed<uint64_t>(version.substr(4)) != kMagic) {
    return DataLossError("sorted table: does not end as one: it was cut, or is another file");
  }
  if (Fixed<uint32_t>(version) != kVersion) {
    return DataLossError("sorted table: says format version {}, only {} is read",
                         Fixed<uint32_t>(version), kVersion);
  }
  if (footer[0] == kNoChecksum) return DataLossError("sorted table: has no checksums");
  std::string_view handles = std::string_view(footer).substr(1, kHandlesBytes);
  const uint64_t end = file->length() - kFooterBytes;
  if (TakeHandle(&handles, end) && TakeHandle(&handles, end)) return absl::OkStatus();
  return DataLossError("sorted table: its end names blocks that are not in the file");
}

}  // namespace quern::mr
