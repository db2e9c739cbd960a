#include "jobs/text/cl100k_pieces.h"

#include <algorithm>

#include "jobs/text/piece_ends.h"
#include "jobs/text/utf8.h"

namespace quern::text {

Cl100kPieces::Cl100kPieces(std::string_view text, Options options)
    : text_(text), options_(options), classes_(CharClassTable()) {}

std::string_view Cl100kPieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.substr(start, at_ - start);
}

inline CharClass Cl100kPieces::ClassAt(size_t at, size_t* size) const {
  const unsigned char byte = static_cast<unsigned char>(text_[at]);
  *size = 1;
  if (byte < 0x80) return classes_[byte];
  const Character character = CharacterAt(text_, at);
  *size = character.size;
  return ClassOf(classes_, character.code);
}

inline size_t Cl100kPieces::EndOfRun(size_t at, CharClass run) const {
  size_t size = 0;
  while (at < text_.size() && ClassAt(at, &size) == run) at += size;
  return at;
}

// [^\r\n\p{L}\p{N}]?\p{L}+; `at` when there is none.
size_t Cl100kPieces::EndOfLetters(size_t at, CharClass first, size_t size) const {
  if (first == CharClass::kLetter) return EndOfRun(at + size, first);
  const bool may_stand_before =
      first != CharClass::kNumber && text_[at] != '\r' && text_[at] != '\n';
  if (!may_stand_before) return at;
  const size_t end = EndOfRun(at + size, CharClass::kLetter);
  return end == at + size ? at : end;
}

size_t Cl100kPieces::EndOfBlankRun(size_t at) const {
  size_t end = at;
  size_t last = at;
  size_t size = 0;
  while (end < text_.size() && ClassAt(end, &size) == CharClass::kSpace) {
    last = end;
    end += size;
  }
  if (options_.last_blanks_whole && end == text_.size()) return end;
  return EndOfBlanks(text_, at, last, end);
}

size_t Cl100kPieces::EndOfPiece(size_t at) const {
  const size_t contraction = EndOfContraction(text_, at);
  if (contraction != at) return contraction;
  size_t size = 0;
  const CharClass first = ClassAt(at, &size);
  const size_t letters = EndOfLetters(at, first, size);
  if (letters != at) return letters;
  if (first == CharClass::kNumber) {
    return EndOfAtMost(text_, at, options_.digits, [this](size_t i) {
      size_t bytes = 0;
      return ClassAt(i, &bytes) == CharClass::kNumber ? bytes : 0;
    });
  }
  const size_t others = text_[at] == ' ' ? at + 1 : at;
  const size_t end = EndOfRun(others, CharClass::kOther);
  if (end == others) return EndOfBlankRun(at);
  return std::min(text_.find_first_not_of("\r\n", end), text_.size());
}

}  // namespace quern::text
