// The fields of one protobuf message, without its description: numbers and strings of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quern::text {

class ProtobufFields {
 public:
  enum class Wire : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  explicit ProtobufFields(std::string_view message) : rest_(message) {}

  // Goes on to the next field; false at the end, and where the message is damaged: see ok().
  bool Next() {
    if (rest_.empty() || !ok_) return false;
    uint64_t tag = 0;
    ok_ = Varint(&tag) && tag >> 3 != 0 && tag >> 3 < uint64_t{1} << 29;
    if (!ok_) return false;
    number_ = static_cast<uint32_t>(tag >> 3);
    wire_ = static_cast<Wire>(tag & 7);
    return ok_ = Value();
  }
  bool ok() const { return ok_; }

  // Whether the present field is this one, written so.
  bool Is(uint32_t number, Wire wire) const { return number_ == number && wire_ == wire; }
  uint64_t varint() const { return varint_; }
  // The value of any other field; of numbers their bytes, little endian.
  std::string_view bytes() const { return bytes_; }

 private:
  bool Varint(uint64_t* value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      *value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Value() {
    uint64_t size = 0;
    switch (wire_) {
      case Wire::kVarint:
        return Varint(&varint_);
      case Wire::kFixed64:
        size = 8;
        break;
      case Wire::kFixed32:
        size = 4;
        break;
      case Wire::kBytes:
        if (!Varint(&size)) return false;
        break;
      default:
        return false;  // groups are no longer written
    }
    if (size > rest_.size()) return false;
    bytes_ = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return true;
  }

  std::string_view rest_;
  bool ok_ = true;
  uint32_t number_ = 0;
  Wire wire_ = Wire::kVarint;
  uint64_t varint_ = 0;
  std::string_view bytes_;
};

}  // namespace quern::text
