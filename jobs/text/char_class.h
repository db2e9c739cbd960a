// What kind of character a code point is, as the regular expressions of tokenisers ask: \p{L},
// \p{N} and \s of Unicode.
#pragma once

#include <cstdint>

namespace quern::text {

enum class CharClass : uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3 };

// One entry for each code point; made at the first call.
const CharClass* CharClassTable();

// kOther for what is no code point (kBadByte).
inline CharClass ClassOf(const CharClass* table, uint32_t code) {
  return code <= 0x10ffff ? table[code] : CharClass::kOther;
}

}  // namespace quern::text
