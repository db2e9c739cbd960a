// The Word_Break property of characters (UAX #29, Unicode 15.0).
#pragma once

#include <cstdint>

namespace quern::text {

// The letters in the table of word_break.cc stand for these in order.
enum class WordBreak : uint8_t {
  kOther,
  kCarriageReturn,
  kLineFeed,
  kNewline,
  kExtend,
  kZeroWidthJoiner,
  kFormat,
  kRegionalIndicator,
  kKatakana,
  kHebrewLetter,
  kLetter,
  kSingleQuote,
  kDoubleQuote,
  kMidNumLet,
  kMidLetter,
  kMidNum,
  kNumeric,
  kExtendNumLet,
  kSpace,
  kPictographic,  // Extended_Pictographic of UTS #51
};

// One entry for each code point; made at the first call.
const WordBreak* WordBreakTable();

}  // namespace quern::text
