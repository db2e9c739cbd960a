#include "jobs/text/unicode_words.h"

#include <algorithm>
#include <array>

#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

using enum WordBreak;

bool IsIgnored(WordBreak b) { return b == kExtend || b == kFormat || b == kZeroWidthJoiner; }
bool IsLineBreak(WordBreak b) { return b == kCarriageReturn || b == kLineFeed || b == kNewline; }
bool IsAnyLetter(WordBreak b) { return b == kLetter || b == kHebrewLetter; }
// One look for each byte of nearly all texts.
constexpr std::array<bool, 256> kWordAscii = [] {
  std::array<bool, 256> is_word{};
  for (int c = 'a'; c <= 'z'; ++c) is_word[c] = is_word[c - 'a' + 'A'] = true;
  for (int c = '0'; c <= '9'; ++c) is_word[c] = true;
  is_word['_'] = true;
  return is_word;
}();
bool IsWordAscii(char c) { return kWordAscii[static_cast<unsigned char>(c)]; }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAsciiWordLetter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

// WB5, 8, 9, 10, 13, 13a, 13b: neighbours that belong together.
bool JoinsDirectly(WordBreak left, WordBreak right) {
  const bool left_alphanumeric = IsAnyLetter(left) || left == kNumeric;
  const bool right_alphanumeric = IsAnyLetter(right) || right == kNumeric;
  if (left_alphanumeric && right_alphanumeric) return true;
  if (left == kKatakana && right == kKatakana) return true;
  if (right == kExtendNumLet) {
    return left_alphanumeric || left == kKatakana || left == kExtendNumLet;
  }
  return left == kExtendNumLet && (right_alphanumeric || right == kKatakana);
}

bool IsContinuation(char c) { return (c & 0xc0) == 0x80; }

// Whether no word or pair goes over `at`, whatever else there is: a character that is in no word
// stands before it, and behind it no mark that belongs to that. 0 < at < text.size().
bool AlwaysDivides(std::string_view text, size_t at) {
  if (IsContinuation(text[at])) return false;
  const WordBreak* const breaks = WordBreakTable();
  const Character after = CharacterAt(text, at);
  if (after.code != kBadByte && IsIgnored(breaks[after.code])) return false;
  size_t start = at - 1;
  while (start > 0 && at - start < 4 && IsContinuation(text[start])) --start;
  const Character before = CharacterAt(text, start);
  if (before.code == kBadByte || start + before.size != at) return false;
  const WordBreak b = breaks[before.code];
  const CharClass c = ClassOf(CharClassTable(), before.code);
  return (b == kOther || b == kSpace || IsLineBreak(b)) && c != CharClass::kLetter &&
         c != CharClass::kNumber;
}

}  // namespace

std::string_view SegmentReader::Next() {
  if (at_ == text_.size()) return {};
  const size_t start = at_;
  at_ = AsciiEnd(start);
  if (at_ == start) at_ = EndOfSegment(start);
  return text_.substr(start, at_ - start);
}

// A word never begins with one of them, and what follows begins anew; a mark after the last one
// would belong to it.
void SegmentReader::SkipAsciiSeparators() {
  const auto is_separator = [this](size_t at) {
    return (text_[at] & 0x80) == 0 && !IsWordAscii(text_[at]);
  };
  while (at_ + 1 < text_.size() && is_separator(at_) && (text_[at_ + 1] & 0x80) == 0) ++at_;
}

inline WordBreak SegmentReader::BreakAt(size_t at, size_t* size) const {
  const Character character = CharacterAt(text_, at);
  *size = character.size;
  return character.code == kBadByte ? kOther : breaks_[character.code];
}

size_t SegmentReader::SkipIgnored(size_t at, bool* ends_with_joiner) const {
  while (at < text_.size()) {
    size_t size = 0;
    const WordBreak b = BreakAt(at, &size);
    if (!IsIgnored(b)) break;
    *ends_with_joiner = b == kZeroWidthJoiner;
    at += size;
  }
  return at;
}

// The end of a word of ASCII at `at`; `at` itself when there is none, or what follows decides.
size_t SegmentReader::AsciiEnd(size_t at) const {
  const size_t start = at;
  while (at < text_.size()) {
    const char c = text_[at];
    if (IsWordAscii(c)) {
      ++at;
      continue;
    }
    if ((c & 0x80) != 0) return start;
    if (at == start || at + 1 == text_.size()) break;
    const char before = text_[at - 1];
    const char after = text_[at + 1];
    const bool any = c == '.' || c == '\'';
    if ((after & 0x80) != 0 && (any || c == ':' || c == ',' || c == ';')) return start;
    const bool in_word = (any || c == ':') && IsAsciiWordLetter(before) && IsAsciiWordLetter(after);
    const bool in_number =
        (any || c == ',' || c == ';') && IsAsciiDigit(before) && IsAsciiDigit(after);
    if (!in_word && !in_number) break;
    at += 2;
  }
  return at;
}

// WB6, 7, 7b, 7c, 11, 12: a mark between two letters or two digits.
bool SegmentReader::JoinsOverMiddle(WordBreak left, WordBreak middle, size_t after_middle) const {
  const bool any = middle == kMidNumLet || middle == kSingleQuote;
  const bool for_letters = IsAnyLetter(left) && (any || middle == kMidLetter);
  const bool for_digits = left == kNumeric && (any || middle == kMidNum);
  const bool for_hebrew = left == kHebrewLetter && middle == kDoubleQuote;
  if (!for_letters && !for_digits && !for_hebrew) return false;
  bool joiner = false;
  const size_t at = SkipIgnored(after_middle, &joiner);
  if (at == text_.size()) return false;
  size_t size = 0;
  const WordBreak right = BreakAt(at, &size);
  return for_hebrew ? right == kHebrewLetter : for_digits ? right == kNumeric : IsAnyLetter(right);
}

size_t SegmentReader::EndOfSegment(size_t at) const {
  size_t size = 0;
  WordBreak left = BreakAt(at, &size);
  at += size;
  if (left == kCarriageReturn && at < text_.size() && text_[at] == '\n') return at + 1;
  if (IsLineBreak(left)) return at;
  bool joiner = left == kZeroWidthJoiner;
  bool paired = false;  // the regional indicator on the left is the second of a flag
  while (at < text_.size()) {
    const size_t before_ignored = at;
    at = SkipIgnored(at, &joiner);
    if (at == text_.size()) return at;
    const WordBreak right = BreakAt(at, &size);
    if (joiner && right == kPictographic) {                                  // WB3c
    } else if (left == kSpace && right == kSpace && at == before_ignored) {  // WB3d
    } else if (JoinsDirectly(left, right)) {
    } else if (left == kHebrewLetter && right == kSingleQuote) {  // WB7a
      if (JoinsOverMiddle(left, right, at + size)) {
        at += size;
        at = SkipIgnored(at, &joiner);
        left = BreakAt(at, &size);
        at += size;
        joiner = false;
        continue;
      }
    } else if (JoinsOverMiddle(left, right, at + size)) {
      at = SkipIgnored(at + size, &joiner);
      left = BreakAt(at, &size);
      at += size;
      joiner = false;
      continue;
    } else if (left == kRegionalIndicator && right == kRegionalIndicator && !paired) {  // WB15, 16
      paired = true;
    } else {
      return at;
    }
    left = right;
    at += size;
    joiner = false;
  }
  return at;
}

bool WordReader::IsWord(std::string_view segment) const {
  for (size_t at = 0; at < segment.size();) {
    const Character character = CharacterAt(segment, at);
    const CharClass c = ClassOf(classes_, character.code);
    if (c == CharClass::kLetter || c == CharClass::kNumber) return true;
    at += character.size;
  }
  return false;
}

std::string_view WordReader::Next() {
  while (true) {
    segments_.SkipAsciiSeparators();
    const std::string_view segment = segments_.Next();
    if (segment.empty() || IsWordAscii(segment[0]) || IsWord(segment)) return segment;
  }
}

bool IsUnspacedCharacter(std::string_view word) {
  const Character character = CharacterAt(word, 0);
  if (character.size < 3 || character.code == kBadByte) return false;
  // Letters without a property of their own are what UAX #29 leaves to dictionaries.
  return WordBreakTable()[character.code] == kOther &&
         ClassOf(CharClassTable(), character.code) == CharClass::kLetter;
}

std::string_view BigramReader::Next() {
  while (!next_.empty()) {
    const std::string_view word = next_;
    const bool unspaced = next_is_unspaced_;
    const bool was_paired = paired_;
    Advance();
    paired_ = false;
    if (!unspaced) return word;
    const bool neighbours = next_is_unspaced_ && word.data() + word.size() == next_.data();
    if (neighbours) {
      paired_ = true;
      return {word.data(), word.size() + next_.size()};
    }
    if (!was_paired) return word;
  }
  return {};
}

std::optional<TextPiece> PieceReader::Next() {
  if (rest_.empty()) return std::nullopt;
  const Cut cut = rest_.size() <= piece_bytes_ ? Cut{rest_.size(), rest_.size(), false} : FindCut();
  const TextPiece piece{rest_.substr(0, cut.end), begins_paired_};
  rest_.remove_prefix(cut.next);
  begins_paired_ = cut.paired;
  return piece;
}

PieceReader::Cut PieceReader::FindCut() const {
  for (size_t at = piece_bytes_; at > 0; --at) {
    if (AlwaysDivides(rest_, at)) return {at, at, false};
  }
  return CutBetweenSegments();
}

// Segments begin anew wherever one ends. Of two characters that make a pair the first one goes into
// both pieces, if it is in a pair before that: else it would be a word of its own in the first.
PieceReader::Cut PieceReader::CutBetweenSegments() const {
  const std::string_view seen = WholeCharacters(rest_, std::max(kMostUncutBytes, piece_bytes_));
  Cut cut;
  SegmentReader segments(seen);
  size_t last_bytes = 0;
  size_t unspaced = 0;  // characters of such a script side by side before `at`
  for (size_t at = 0; at <= piece_bytes_ || cut.end == 0; at += last_bytes) {
    const std::string_view segment = segments.Next();
    // Where the last one ends and begins is decided by what is not seen.
    if (at + segment.size() == seen.size()) break;
    const bool is_unspaced = IsUnspacedCharacter(segment);
    if (is_unspaced && unspaced > 1) {
      cut = {at, at - last_bytes, true};
    } else if (at > 0 && (!is_unspaced || unspaced == 0)) {
      cut = {at, at, false};
    }
    unspaced = is_unspaced ? unspaced + 1 : 0;
    last_bytes = segment.size();
  }
  return cut.end > 0 ? cut : Cut{seen.size(), seen.size(), false};
}

}  // namespace quern::text
