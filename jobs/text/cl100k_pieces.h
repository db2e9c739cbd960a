// Cuts text into the pieces within which the BPE of cl100k merges, and that of Llama 3 and Qwen 2:
//
//   '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
//   \s*[\r\n]+|\s+(?!\S)|\s+
//
// (tiktoken's cl100k_base; tokenizer.json of Llama 3.) The pieces one after another are the text,
// whatever its bytes: one that is no UTF-8 counts as a character that is neither letter, number nor
// blank.
#pragma once

#include <cstddef>
#include <string_view>

#include "jobs/text/classed_text.h"

namespace quern::text {

class Cl100kPieces {
 public:
  struct Options {
    size_t digits = 3;  // of a number in one piece; Qwen 2 has 1
    // Blanks at the end of a text are one piece, also with ends of lines among them: \s++$ before
    // \s*[\r\n]+, as in tiktoken.
    bool last_blanks_whole = false;
  };
  Cl100kPieces(std::string_view text, Options options);

  // The next piece; empty at the end.
  std::string_view Next();

 private:
  size_t EndOfLetters(size_t at, CharClass first, size_t size) const;
  size_t EndOfBlankRun(size_t at) const;
  size_t EndOfPiece(size_t at) const;

  const ClassedText<CharClass> text_;
  const Options options_;
  size_t at_ = 0;
};

}  // namespace quern::text
