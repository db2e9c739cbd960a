#include "jobs/text/cl100k_pieces.h"

#include <algorithm>

#include "jobs/text/piece_ends.h"

namespace quern::text {

Cl100kPieces::Cl100kPieces(std::string_view text, Options options)
    : text_(text, CharClassTable()), options_(options) {}

std::string_view Cl100kPieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.text().substr(start, at_ - start);
}

// [^\r\n\p{L}\p{N}]?\p{L}+; `at` when there is none.
size_t Cl100kPieces::EndOfLetters(size_t at, CharClass first, size_t size) const {
  if (first == CharClass::kLetter) return text_.EndOfRun(at + size, first);
  const bool may_stand_before =
      first != CharClass::kNumber && text_[at] != '\r' && text_[at] != '\n';
  if (!may_stand_before) return at;
  const size_t end = text_.EndOfRun(at + size, CharClass::kLetter);
  return end == at + size ? at : end;
}

size_t Cl100kPieces::EndOfBlankRun(size_t at) const {
  const auto [last, end] = text_.BlanksFrom(at);
  if (options_.last_blanks_whole && end == text_.size()) return end;
  return EndOfBlanks(text_.text(), at, last, end);
}

size_t Cl100kPieces::EndOfPiece(size_t at) const {
  const size_t contraction = EndOfContraction(text_.text(), at);
  if (contraction != at) return contraction;
  size_t size = 0;
  const CharClass first = text_.At(at, &size);
  const size_t letters = EndOfLetters(at, first, size);
  if (letters != at) return letters;
  if (first == CharClass::kNumber) {
    return EndOfAtMost(text_.text(), at, options_.digits, [this](size_t i) {
      size_t bytes = 0;
      return text_.At(i, &bytes) == CharClass::kNumber ? bytes : 0;
    });
  }
  const size_t others = text_[at] == ' ' ? at + 1 : at;
  const size_t end = text_.EndOfRun(others, CharClass::kOther);
  if (end == others) return EndOfBlankRun(at);
  return std::min(text_.text().find_first_not_of("\r\n", end), text_.size());
}

}  // namespace quern::text
