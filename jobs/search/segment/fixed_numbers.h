// Numbers of fixed width, little-endian, as they lie in a segment.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace quern::search {

static_assert(std::endian::native == std::endian::little);

template <typename Number>
void AppendFixed(std::type_identity_t<Number> number, std::string* out) {
  out->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// At byte `at` of `bytes`, which holds it whole.
template <typename Number>
Number ReadFixed(std::string_view bytes, size_t at = 0) {
  Number number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// One of numbers that lie one behind the other.
template <typename Number>
Number NumberAt(std::string_view numbers, size_t index) {
  return ReadFixed<Number>(numbers, index * sizeof(Number));
}

}  // namespace quern::search
