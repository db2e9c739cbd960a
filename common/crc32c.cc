#include "common/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace quern {
namespace {

// ISA-L takes the length as an int.
constexpr size_t kMaxStep = size_t{1} << 30;
constexpr uint32_t kPolynomial = 0x82f63b78;  // reflected

using Matrix = std::array<uint32_t, 32>;  // linear map over GF(2), column per input bit

uint32_t Apply(const Matrix& matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (size_t bit = 0; vector != 0; ++bit, vector >>= 1) {
    if (vector & 1) sum ^= matrix[bit];
  }
  return sum;
}

Matrix Square(const Matrix& matrix) {
  Matrix square{};
  for (size_t bit = 0; bit < 32; ++bit) square[bit] = Apply(matrix, matrix[bit]);
  return square;
}

// powers[k] appends 2^k zero bytes to a checksum.
std::array<Matrix, 64> MakeZeroPowers() {
  Matrix one_bit{};
  one_bit[0] = kPolynomial;
  for (size_t bit = 1; bit < 32; ++bit) one_bit[bit] = uint32_t{1} << (bit - 1);
  std::array<Matrix, 64> powers{};
  powers[0] = Square(Square(Square(one_bit)));  // eight bits
  for (size_t k = 1; k < 64; ++k) powers[k] = Square(powers[k - 1]);
  return powers;
}

}  // namespace

uint32_t ExtendCrc32c(uint32_t crc, const void* data, size_t size) {
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  uint32_t state = ~crc;
  while (size > 0) {
    const size_t step = std::min(size, kMaxStep);
    state = crc32_iscsi(bytes, static_cast<int>(step), state);
    bytes += step;
    size -= step;
  }
  return ~state;
}

uint32_t ConcatCrc32c(uint32_t crc_a, uint32_t crc_b, uint64_t length_b) {
  static const std::array<Matrix, 64>& powers = *new std::array<Matrix, 64>(MakeZeroPowers());
  for (size_t k = 0; length_b != 0; ++k, length_b >>= 1) {
    if (length_b & 1) crc_a = Apply(powers[k], crc_a);
  }
  return crc_a ^ crc_b;
}

}  // namespace quern
