#include "jobs/text/o200k_pieces.h"

#include <algorithm>

#include "jobs/text/piece_ends.h"

namespace quern::text {

namespace {

constexpr size_t kDigitsOfPiece = 3;

bool IsOfUpper(CaseClass c) { return c == CaseClass::kUpper || c >= CaseClass::kEither; }
bool IsOfLower(CaseClass c) { return c == CaseClass::kLower || c >= CaseClass::kEither; }
bool IsOfOthers(CaseClass c) { return c == CaseClass::kOther || c == CaseClass::kMark; }
bool IsCasedLetter(CaseClass c) {
  return c == CaseClass::kUpper || c == CaseClass::kLower || c == CaseClass::kEither;
}

}  // namespace

O200kPieces::O200kPieces(std::string_view text) : text_(text, CaseClassTable()) {}

std::string_view O200kPieces::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = EndOfPiece(start);
  return text_.text().substr(start, at_ - start);
}

// U*W+. U* takes all it can; where no W follows, it gives back up to the last character that is
// both. `at` when there is none.
size_t O200kPieces::EndOfLowerWord(size_t at) const {
  size_t end = at;
  size_t behind_either = at;
  size_t size = 0;
  for (; end < text_.size(); end += size) {
    const CaseClass c = text_.At(end, &size);
    if (!IsOfUpper(c)) break;
    if (IsOfLower(c)) behind_either = end + size;
  }
  const size_t lower = text_.EndOfRun(end, IsOfLower);
  return lower > end ? lower : behind_either;
}

// U+W*, where there is no U*W+ : no W follows. `at` when there is none.
size_t O200kPieces::EndOfUpperWord(size_t at) const { return text_.EndOfRun(at, IsOfUpper); }

// Both words, with what may stand before them and behind; `at` when there is none.
size_t O200kPieces::EndOfWord(size_t at, CaseClass first, size_t size) const {
  const bool may_stand_before = !IsCasedLetter(first) && first != CaseClass::kNumber &&
                                text_[at] != '\r' && text_[at] != '\n';
  const size_t behind_first = at + size;
  if (may_stand_before) {
    const size_t end = EndOfLowerWord(behind_first);
    if (end != behind_first) return EndOfContraction(text_.text(), end);
  }
  size_t end = EndOfLowerWord(at);
  if (end != at) return EndOfContraction(text_.text(), end);
  if (may_stand_before) {
    end = EndOfUpperWord(behind_first);
    if (end != behind_first) return EndOfContraction(text_.text(), end);
  }
  end = EndOfUpperWord(at);
  return end == at ? at : EndOfContraction(text_.text(), end);
}

//  ?[^\s\p{L}\p{N}]+[\r\n/]*; `at` when there is none.
size_t O200kPieces::EndOfOthers(size_t at) const {
  const size_t start = text_[at] == ' ' ? at + 1 : at;
  const size_t end = text_.EndOfRun(start, IsOfOthers);
  if (end == start) return at;
  return std::min(text_.text().find_first_not_of("\r\n/", end), text_.size());
}

size_t O200kPieces::EndOfBlankRun(size_t at) const {
  const auto [last, end] = text_.BlanksFrom(at);
  return EndOfBlanks(text_.text(), at, last, end);
}

size_t O200kPieces::EndOfPiece(size_t at) const {
  size_t size = 0;
  const CaseClass first = text_.At(at, &size);
  if (first == CaseClass::kNumber) {
    return EndOfAtMost(text_.text(), at, kDigitsOfPiece, [this](size_t i) {
      size_t bytes = 0;
      return text_.At(i, &bytes) == CaseClass::kNumber ? bytes : 0;
    });
  }
  const size_t word = EndOfWord(at, first, size);
  if (word != at) return word;
  const size_t others = EndOfOthers(at);
  return others != at ? others : EndOfBlankRun(at);
}

}  // namespace quern::text
