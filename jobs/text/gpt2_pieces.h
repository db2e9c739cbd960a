// Cuts text into the pieces within which GPT-2's byte-level BPE merges:
//
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// (Radford et al. 2019.) The pieces one after another are the text, whatever its bytes: one that is
// no UTF-8 counts as a character that is neither letter, number nor blank.
#pragma once

#include <cstddef>
#include <string_view>

#include "jobs/text/classed_text.h"

namespace quern::text {

class Gpt2Pieces {
 public:
  explicit Gpt2Pieces(std::string_view text);

  // The next piece; empty at the end.
  std::string_view Next();

 private:
  size_t EndOfBlanks(size_t at) const;
  size_t EndOfContraction(size_t at) const;
  size_t EndOfPiece(size_t at) const;

  const ClassedText<CharClass> text_;
  size_t at_ = 0;
};

}  // namespace quern::text
