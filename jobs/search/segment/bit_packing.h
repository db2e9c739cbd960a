// 128 numbers of equal width, four side by side: what a compiler makes vector instructions of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern::search {

inline constexpr size_t kPackedValues = 128;
inline constexpr unsigned kMaxPackedBits = 31;

constexpr size_t PackedBytes(unsigned bits) { return 16 * size_t{bits}; }

// Number i stands in lane i % 4. A lane is a row of 32-bit words (little-endian), every fourth of
// the output; its 32 numbers lie in it one behind the other, the first one in the lowest bits.
// `values` are below 2^bits; `out` has PackedBytes(bits) of room.
void Pack(const uint32_t* values, unsigned bits, uint8_t* out);
// `bits` <= kMaxPackedBits; reads PackedBytes(bits), writes 128 numbers.
void Unpack(const uint8_t* in, unsigned bits, uint32_t* values);

}  // namespace quern::search
