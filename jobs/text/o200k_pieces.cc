#include "jobs/text/o200k_pieces.h"

#include <algorithm>

#include "jobs/text/piece_ends.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kDigitsOfPiece = 3;

bool IsOfUpper(CaseClass c) { return c == CaseClass::kUpper || c >= CaseClass::kEither; }
bool IsOfLower(CaseClass c) { return c == CaseClass::kLower || c >= CaseClass::kEither; }
bool IsCasedLetter(CaseClass c) {
  return c == CaseClass::kUpper || c == CaseClass::kLower || c == CaseClass::kEither;
}

}  // namespace

O200kPieces::O200kPieces(std::string_view text) : text_(text), classes_(CaseClassTable()) {}

std::string_view O200kPieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.substr(start, at_ - start);
}

inline CaseClass O200kPieces::ClassAt(size_t at, size_t* size) const {
  const unsigned char byte = static_cast<unsigned char>(text_[at]);
  *size = 1;
  if (byte < 0x80) return classes_[byte];
  const Character character = CharacterAt(text_, at);
  *size = character.size;
  return character.code <= kMaxCharacter ? classes_[character.code] : CaseClass::kOther;
}

size_t O200kPieces::EndOfLower(size_t at) const {
  size_t size = 0;
  while (at < text_.size() && IsOfLower(ClassAt(at, &size))) at += size;
  return at;
}

// U*W+. U* takes all it can; where no W follows, it gives back up to the last character that is
// both. `at` when there is none.
size_t O200kPieces::EndOfLowerWord(size_t at) const {
  size_t end = at;
  size_t behind_either = at;
  size_t size = 0;
  for (; end < text_.size(); end += size) {
    const CaseClass c = ClassAt(end, &size);
    if (!IsOfUpper(c)) break;
    if (IsOfLower(c)) behind_either = end + size;
  }
  const size_t lower = EndOfLower(end);
  return lower > end ? lower : behind_either;
}

// U+W*, where there is no U*W+ : no W follows. `at` when there is none.
size_t O200kPieces::EndOfUpperWord(size_t at) const {
  size_t size = 0;
  while (at < text_.size() && IsOfUpper(ClassAt(at, &size))) at += size;
  return at;
}

// Both words, with what may stand before them and behind; `at` when there is none.
size_t O200kPieces::EndOfWord(size_t at, CaseClass first, size_t size) const {
  const bool may_stand_before = !IsCasedLetter(first) && first != CaseClass::kNumber &&
                                text_[at] != '\r' && text_[at] != '\n';
  const size_t behind_first = at + size;
  if (may_stand_before) {
    const size_t end = EndOfLowerWord(behind_first);
    if (end != behind_first) return EndOfContraction(text_, end);
  }
  size_t end = EndOfLowerWord(at);
  if (end != at) return EndOfContraction(text_, end);
  if (may_stand_before) {
    end = EndOfUpperWord(behind_first);
    if (end != behind_first) return EndOfContraction(text_, end);
  }
  end = EndOfUpperWord(at);
  return end == at ? at : EndOfContraction(text_, end);
}

//  ?[^\s\p{L}\p{N}]+[\r\n/]*; `at` when there is none.
size_t O200kPieces::EndOfOthers(size_t at) const {
  const size_t start = text_[at] == ' ' ? at + 1 : at;
  size_t end = start;
  size_t size = 0;
  for (; end < text_.size(); end += size) {
    const CaseClass c = ClassAt(end, &size);
    if (c != CaseClass::kOther && c != CaseClass::kMark) break;
  }
  if (end == start) return at;
  return std::min(text_.find_first_not_of("\r\n/", end), text_.size());
}

size_t O200kPieces::EndOfBlankRun(size_t at) const {
  size_t end = at;
  size_t last = at;
  size_t size = 0;
  while (end < text_.size() && ClassAt(end, &size) == CaseClass::kSpace) {
    last = end;
    end += size;
  }
  return EndOfBlanks(text_, at, last, end);
}

size_t O200kPieces::EndOfPiece(size_t at) const {
  size_t size = 0;
  const CaseClass first = ClassAt(at, &size);
  if (first == CaseClass::kNumber) {
    return EndOfAtMost(text_, at, kDigitsOfPiece, [this](size_t i) {
      size_t bytes = 0;
      return ClassAt(i, &bytes) == CaseClass::kNumber ? bytes : 0;
    });
  }
  const size_t word = EndOfWord(at, first, size);
  if (word != at) return word;
  const size_t others = EndOfOthers(at);
  return others != at ? others : EndOfBlankRun(at);
}

}  // namespace quern::text
