// Numbers in as few bytes as they need: seven bits a byte, the lowest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quern::search {

inline constexpr size_t kMaxVarintBytes = 10;

// Writes at `out`, which has kMaxVarintBytes of room; returns the end.
inline uint8_t* WriteVarint(uint64_t value, uint8_t* out) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

inline void AppendVarint(uint64_t value, std::string* out) {
  uint8_t bytes[kMaxVarintBytes];
  const uint8_t* const end = WriteVarint(value, bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(end - bytes));
}

inline size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

// Takes values off the front of bytes. Once something is missing or too large every value is 0 and
// ok() is false.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(reinterpret_cast<const uint8_t*>(bytes.data())), end_(at_ + bytes.size()) {}

  uint64_t Varint() {
    if (at_ < end_ && *at_ < 0x80) [[likely]]
      return *at_++;
    return LongVarint();
  }
  uint32_t Varint32() {
    const uint64_t value = Varint();
    if (value <= UINT32_MAX) [[likely]]
      return static_cast<uint32_t>(value);
    Fail();
    return 0;
  }
  uint8_t Byte() {
    if (at_ < end_) [[likely]]
      return *at_++;
    Fail();
    return 0;
  }
  std::string_view Bytes(uint64_t count) {
    if (count > left()) {
      Fail();
      return {};
    }
    const uint8_t* const begin = at_;
    at_ += count;
    return {reinterpret_cast<const char*>(begin), static_cast<size_t>(count)};
  }
  // A length and so many bytes.
  std::string_view Text() { return Bytes(Varint()); }

  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }
  const uint8_t* at() const { return at_; }
  void Skip(size_t count) { Bytes(count); }
  void Fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  uint64_t LongVarint() {
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const uint8_t byte = *at_++;
      value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace quern::search
