// The first eight bytes of a key as a number whose order is the order of the bytes. Sorting and
// merging compare these numbers and look at the keys themselves only when they are equal.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace quern::mr {

static_assert(std::endian::native == std::endian::little);

// Shorter keys are filled up with zero bytes: equal prefixes do not mean equal keys.
inline uint64_t KeyPrefix(std::string_view key) {
  const size_t size = key.size();
  if (size >= 8) {
    uint64_t word;
    std::memcpy(&word, key.data(), 8);
    return __builtin_bswap64(word);
  }
  if (size >= 4) {  // two halves that overlap: what both hold is equal
    uint32_t first;
    uint32_t last;
    std::memcpy(&first, key.data(), 4);
    std::memcpy(&last, key.data() + size - 4, 4);
    const size_t missing_bits = 8 * (8 - size);
    return uint64_t{__builtin_bswap32(first)} << 32 | uint64_t{__builtin_bswap32(last)}
                                                          << missing_bits;
  }
  uint64_t prefix = 0;
  for (size_t i = 0; i < size; ++i) {
    prefix |= uint64_t{static_cast<unsigned char>(key[i])} << (56 - 8 * i);
  }
  return prefix;
}

}  // namespace quern::mr
