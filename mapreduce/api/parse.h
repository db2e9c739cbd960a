// Numbers and fields out of text. All of them throw std::invalid_argument on bad input, which fails
// the attempt and names the record.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

namespace internal {

[[noreturn]] inline void ThrowNotA(const char* what, std::string_view text) {
  size_t shown = text.size();
  if (shown > 100) {
    shown = 100;
    // Not inside a character.
    while (shown > 97 && (static_cast<unsigned char>(text[shown]) & 0xc0) == 0x80) --shown;
  }
  const char* const cut = shown < text.size() ? "..." : "";
  throw std::invalid_argument("'" + std::string(text.substr(0, shown)) + cut + "' is not " + what);
}

template <typename T>
T ParseNumber(std::string_view text, const char* what) {
  T number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) ThrowNotA(what, text);
  return number;
}

}  // namespace internal

// The whole text as a decimal number, with an optional minus.
inline int64_t ParseInt(std::string_view text) {
  // Sums of "1" are what most jobs parse.
  if (text.size() == 1 && text[0] >= '0' && text[0] <= '9') return text[0] - '0';
  return internal::ParseNumber<int64_t>(text, "a whole number");
}

inline double ParseDouble(std::string_view text) {
  return internal::ParseNumber<double>(text, "a number");
}

namespace text {

// "a,,b" at ',' -> {"a", "", "b"}; always at least one part.
inline std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace text
}  // namespace quern
