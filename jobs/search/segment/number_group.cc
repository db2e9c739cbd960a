#include "jobs/search/segment/number_group.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "jobs/search/segment/bit_packing.h"

namespace quern::search {

namespace {

constexpr size_t kMaxPlain = 3;
constexpr uint32_t kWidthMask = 31;
constexpr uint32_t kManyExceptions = 7;

size_t PackedSize(size_t count, unsigned width) {
  return count == kMaxGroup ? PackedBytes(width) : (count * width + 7) / 8;
}

// The width that makes the group smallest.
unsigned BestWidth(const uint32_t* values, size_t count) {
  std::array<uint32_t, 33> of_bits{};
  for (size_t i = 0; i < count; ++i) ++of_bits[static_cast<size_t>(std::bit_width(values[i]))];
  unsigned widest = 32;
  while (widest > 0 && of_bits[widest] == 0) --widest;
  unsigned best = 0;
  size_t best_bytes = SIZE_MAX;
  for (unsigned width = std::min(widest, kMaxPackedBits) + 1; width-- > 0;) {
    size_t bytes = PackedSize(count, width);
    size_t exceptions = 0;
    for (unsigned bits = width + 1; bits <= widest; ++bits) {
      exceptions += of_bits[bits];
      bytes += of_bits[bits] * (1 + (bits - width + 6) / 7);
    }
    bytes += exceptions >= kManyExceptions;
    if (bytes < best_bytes) {
      best_bytes = bytes;
      best = width;
    }
    if (exceptions > count / 2) break;
  }
  return best;
}

// One behind the other, in the order of bits.
void AppendBits(const uint32_t* values, size_t count, unsigned width, std::string* out) {
  uint64_t bits = 0;
  unsigned filled = 0;
  const uint32_t mask = (uint32_t{1} << width) - 1;
  for (size_t i = 0; i < count; ++i) {
    bits |= uint64_t{values[i] & mask} << filled;
    for (filled += width; filled >= 8; filled -= 8, bits >>= 8) {
      out->push_back(static_cast<char>(bits));
    }
  }
  if (filled > 0) out->push_back(static_cast<char>(bits));
}

void ReadBits(const uint8_t* in, size_t count, unsigned width, uint32_t* values) {
  // Whole words are read, which must not pass the end.
  std::array<uint8_t, (kMaxGroup * kMaxPackedBits) / 8 + 8> padded;
  const size_t bytes = PackedSize(count, width);
  std::memcpy(padded.data(), in, bytes);
  std::memset(padded.data() + bytes, 0, 8);
  const uint32_t mask = (uint32_t{1} << width) - 1;
  size_t bit = 0;
  for (size_t i = 0; i < count; ++i, bit += width) {
    uint64_t word = 0;
    std::memcpy(&word, padded.data() + bit / 8, sizeof(word));
    values[i] = static_cast<uint32_t>(word >> (bit % 8)) & mask;
  }
}

struct GroupHeader {
  unsigned width = 0;
  size_t exceptions = 0;
};

GroupHeader ReadHeader(ByteReader* in) {
  const uint32_t byte = in->Byte();
  GroupHeader header{byte & kWidthMask, byte >> 5};
  if (header.exceptions == kManyExceptions) header.exceptions = in->Byte();
  return header;
}

}  // namespace

void AppendGroup(const uint32_t* values, size_t count, std::string* out) {
  if (count <= kMaxPlain) {
    for (size_t i = 0; i < count; ++i) AppendVarint(values[i], out);
    return;
  }
  const unsigned width = BestWidth(values, count);
  const auto is_exception = [width](uint32_t value) { return (value >> width) != 0; };
  const auto exceptions = static_cast<size_t>(std::count_if(values, values + count, is_exception));
  const auto few = static_cast<uint32_t>(std::min<size_t>(exceptions, kManyExceptions));
  out->push_back(static_cast<char>(width | few << 5));
  if (few == kManyExceptions) out->push_back(static_cast<char>(exceptions));
  if (count == kMaxGroup) {
    std::array<uint32_t, kMaxGroup> low;
    for (size_t i = 0; i < count; ++i) low[i] = values[i] & ((uint32_t{1} << width) - 1);
    const size_t at = out->size();
    out->resize(at + PackedBytes(width));
    Pack(low.data(), width, reinterpret_cast<uint8_t*>(out->data() + at));
  } else {
    AppendBits(values, count, width, out);
  }
  for (size_t i = 0; i < count && exceptions > 0; ++i) {
    if (!is_exception(values[i])) continue;
    out->push_back(static_cast<char>(i));
    AppendVarint(values[i] >> width, out);
  }
}

bool ReadGroup(ByteReader* in, size_t count, uint32_t* values) {
  if (count <= kMaxPlain) {
    for (size_t i = 0; i < count; ++i) values[i] = in->Varint32();
    return in->ok();
  }
  const GroupHeader header = ReadHeader(in);
  const std::string_view packed = in->Bytes(PackedSize(count, header.width));
  if (!in->ok()) return false;
  const auto* const bytes = reinterpret_cast<const uint8_t*>(packed.data());
  if (count == kMaxGroup) {
    Unpack(bytes, header.width, values);
  } else {
    ReadBits(bytes, count, header.width, values);
  }
  for (size_t i = 0; i < header.exceptions; ++i) {
    const uint8_t index = in->Byte();
    const uint32_t upper = in->Varint32();
    if (index >= count) in->Fail();
    if (!in->ok()) return false;
    values[index] |= upper << header.width;
  }
  return true;
}

bool SkipGroup(ByteReader* in, size_t count) {
  if (count <= kMaxPlain) {
    for (size_t i = 0; i < count; ++i) in->Varint();
    return in->ok();
  }
  const GroupHeader header = ReadHeader(in);
  in->Skip(PackedSize(count, header.width));
  for (size_t i = 0; i < header.exceptions && in->ok(); ++i) {
    in->Byte();
    in->Varint();
  }
  return in->ok();
}

}  // namespace quern::search
