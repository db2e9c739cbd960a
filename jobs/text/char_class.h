// What kind of character a code point is, as the regular expressions of tokenisers ask: \p{L},
// \p{N} and \s of Unicode; and those that ask for cases as well.
#pragma once

#include <cstdint>

namespace quern::text {

enum class CharClass : uint8_t { kOther = 0, kLetter = 1, kNumber = 2, kSpace = 3 };

// One entry for each code point; made at the first call.
const CharClass* CharClassTable();

enum class CaseClass : uint8_t {
  kOther,
  kNumber,  // N
  kSpace,
  kUpper,   // Lu, Lt
  kLower,   // Ll
  kEither,  // Lm, Lo: letters that stand in words of both cases
  kMark,    // M: no letters, but as those
};

// The same.
const CaseClass* CaseClassTable();

// kOther for what is no code point (kBadByte).
template <typename Class>
Class ClassOf(const Class* table, uint32_t code) {
  return code <= 0x10ffff ? table[code] : Class::kOther;
}

}  // namespace quern::text
