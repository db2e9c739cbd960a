#include "jobs/search/segment/bit_packing.h"

#include <array>
#include <cstring>
#include <utility>

namespace quern::search {

namespace {

constexpr unsigned kRows = 32;

// Four lanes; every operation on it is one instruction.
using Lanes = uint32_t __attribute__((vector_size(16)));

Lanes Load(const uint8_t* in, unsigned row) {
  Lanes lanes;
  std::memcpy(&lanes, in + sizeof(lanes) * row, sizeof(lanes));
  return lanes;
}

template <unsigned kBits, unsigned kRow>
void UnpackRow(const uint8_t* in, uint32_t* values) {
  constexpr unsigned kWord = kRow * kBits / 32;
  constexpr unsigned kShift = kRow * kBits % 32;
  constexpr uint32_t kMask = (uint32_t{1} << kBits) - 1;
  Lanes lanes = Load(in, kWord) >> kShift;
  if constexpr (kShift + kBits > 32) lanes |= Load(in, kWord + 1) << (32 - kShift);
  if constexpr (kShift + kBits != 32) lanes &= kMask;
  std::memcpy(values + 4 * kRow, &lanes, sizeof(lanes));
}

template <unsigned kBits>
void UnpackBits(const uint8_t* in, uint32_t* values) {
  if constexpr (kBits == 0) {
    std::memset(values, 0, kPackedValues * sizeof(uint32_t));
  } else {
    [&]<unsigned... kRow>(std::integer_sequence<unsigned, kRow...>) {
      (UnpackRow<kBits, kRow>(in, values), ...);
    }
    (std::make_integer_sequence<unsigned, kRows>());
  }
}

using UnpackFunction = void (*)(const uint8_t*, uint32_t*);

template <unsigned... kBits>
constexpr std::array<UnpackFunction, sizeof...(kBits)> UnpackFunctions(
    std::integer_sequence<unsigned, kBits...>) {
  return {UnpackBits<kBits>...};
}

constexpr auto kUnpack =
    UnpackFunctions(std::make_integer_sequence<unsigned, kMaxPackedBits + 1>());

}  // namespace

void Pack(const uint32_t* values, unsigned bits, uint8_t* out) {
  std::memset(out, 0, PackedBytes(bits));
  for (unsigned row = 0; row < kRows && bits > 0; ++row) {
    const unsigned word = row * bits / 32;
    const unsigned shift = row * bits % 32;
    Lanes lanes;
    std::memcpy(&lanes, values + 4 * row, sizeof(lanes));
    const Lanes low = Load(out, word) | lanes << shift;
    std::memcpy(out + sizeof(low) * word, &low, sizeof(low));
    if (shift + bits > 32) {
      const Lanes high = lanes >> (32 - shift);
      std::memcpy(out + sizeof(high) * (word + 1), &high, sizeof(high));
    }
  }
}

void Unpack(const uint8_t* in, unsigned bits, uint32_t* values) { kUnpack[bits](in, values); }

}  // namespace quern::search
