// A number for each document of a segment, little-endian, all of one width: lengths, languages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace quern::search {

class DocumentNumbers {
 public:
  DocumentNumbers() = default;
  // `width`: 1, 2 or 4 bytes each, or 0: all are 0. `bytes` must stay.
  DocumentNumbers(std::string_view bytes, uint32_t width) : bytes_(bytes.data()), width_(width) {}

  // `doc` is one of the segment's.
  uint32_t Of(uint32_t doc) const {
    if (width_ == 0) return 0;
    const char* const at = bytes_ + size_t{doc} * width_;
    if (width_ == 2) {
      uint16_t number = 0;
      std::memcpy(&number, at, sizeof(number));
      return number;
    }
    if (width_ == 1) return static_cast<uint8_t>(*at);
    uint32_t number = 0;
    std::memcpy(&number, at, sizeof(number));
    return number;
  }

 private:
  const char* bytes_ = nullptr;
  uint32_t width_ = 0;
};

// The bytes that each of `numbers` needs: 1, 2 or 4; 0 when all are 0.
inline uint32_t WidthOf(const std::vector<uint32_t>& numbers) {
  const auto largest = std::max_element(numbers.begin(), numbers.end());
  if (largest == numbers.end() || *largest == 0) return 0;
  return *largest > UINT16_MAX ? 4 : *largest > UINT8_MAX ? 2 : 1;
}
inline void AppendNumbers(const std::vector<uint32_t>& numbers, uint32_t width, std::string* out) {
  for (const uint32_t number : numbers) out->append(reinterpret_cast<const char*>(&number), width);
}

}  // namespace quern::search
