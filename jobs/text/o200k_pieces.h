// Cuts text into the pieces within which the BPE of o200k merges, where U is
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], W is [\p{Ll}\p{Lm}\p{Lo}\p{M}] and C is
// '(?i:[sdmt]|ll|ve|re):
//
//   [^\r\n\p{L}\p{N}]?U*W+C?|[^\r\n\p{L}\p{N}]?U+W*C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|
//   \s*[\r\n]+|\s+(?!\S)|\s+
//
// (tiktoken's o200k_base.) The pieces one after another are the text, whatever its bytes: one that
// is no UTF-8 counts as a character that is neither letter, number nor blank.
#pragma once

#include <cstddef>
#include <string_view>

#include "jobs/text/classed_text.h"

namespace quern::text {

class O200kPieces {
 public:
  explicit O200kPieces(std::string_view text);

  // The next piece; empty at the end.
  std::string_view Next();

 private:
  size_t EndOfLowerWord(size_t at) const;
  size_t EndOfUpperWord(size_t at) const;
  size_t EndOfWord(size_t at, CaseClass first, size_t size) const;
  size_t EndOfOthers(size_t at) const;
  size_t EndOfBlankRun(size_t at) const;
  size_t EndOfPiece(size_t at) const;

  const ClassedText<CaseClass> text_;
  size_t at_ = 0;
};

}  // namespace quern::text
