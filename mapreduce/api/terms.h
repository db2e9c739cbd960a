// Cuts text into the terms of an index: what the inverted-index job writes and quern-search asks
// for.
//
// Text is UTF-8. A term is a run of letters, digits and marks; blanks, punctuation and symbols of
// any script divide. Scripts that are written without blanks (Han, kana, Thai, ...) give a term for
// each character: asked for one after another they find every word, whatever its length. Bytes that
// are no UTF-8 count as letters. ASCII letters become lower case.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace quern::text {

namespace internal {

struct CodePoints {
  uint32_t first;
  uint32_t last;
};

// Beyond ASCII, in order.
inline constexpr CodePoints kSeparators[] = {
    {0x80, 0xa9},       {0xab, 0xb1},     {0xb4, 0xb4},     {0xb6, 0xb8},     {0xbb, 0xbb},
    {0xbf, 0xbf},       {0xd7, 0xd7},     {0xf7, 0xf7},     {0x2c2, 0x2c5},   {0x37e, 0x37e},
    {0x387, 0x387},     {0x55a, 0x55f},   {0x589, 0x58a},   {0x5be, 0x5be},   {0x5c0, 0x5c0},
    {0x5c3, 0x5c3},     {0x5c6, 0x5c6},   {0x5f3, 0x5f4},   {0x609, 0x60d},   {0x61b, 0x61f},
    {0x66a, 0x66d},     {0x6d4, 0x6d4},   {0x700, 0x70d},   {0x964, 0x965},   {0x970, 0x970},
    {0xe4f, 0xe4f},     {0xe5a, 0xe5b},   {0xf04, 0xf14},   {0xf3a, 0xf3d},   {0x104a, 0x104f},
    {0x10fb, 0x10fb},   {0x1360, 0x1368}, {0x1400, 0x1400}, {0x1680, 0x1680}, {0x16eb, 0x16ed},
    {0x17d4, 0x17d6},   {0x17d8, 0x17db}, {0x1800, 0x180a}, {0x2000, 0x200b}, {0x200e, 0x206f},
    {0x207a, 0x207e},   {0x208a, 0x208e}, {0x20a0, 0x20cf}, {0x2190, 0x2bff}, {0x2e00, 0x2e7f},
    {0x2ff0, 0x3004},   {0x3008, 0x3020}, {0x3030, 0x3030}, {0x3036, 0x3037}, {0x303d, 0x303f},
    {0x309b, 0x309c},   {0x30a0, 0x30a0}, {0x30fb, 0x30fb}, {0x3200, 0x33ff}, {0x4dc0, 0x4dff},
    {0xa4fe, 0xa4ff},   {0xa60d, 0xa60f}, {0xfd3e, 0xfd3f}, {0xfe10, 0xfe1f}, {0xfe30, 0xfe6f},
    {0xfeff, 0xff0f},   {0xff1a, 0xff20}, {0xff3b, 0xff40}, {0xff5b, 0xff65}, {0xffe0, 0xffff},
    {0x1f000, 0x1faff},
};

// Scripts without blanks between words; what kSeparators holds is none of theirs.
inline constexpr CodePoints kUnspaced[] = {
    {0xe00, 0xeff},   {0x1000, 0x109f}, {0x1780, 0x17ff}, {0x2e80, 0x2fdf},   {0x3005, 0x3007},
    {0x3021, 0x3029}, {0x3031, 0x303c}, {0x3040, 0x30ff}, {0x3100, 0x312f},   {0x31a0, 0x31ff},
    {0x3400, 0x9fff}, {0xf900, 0xfaff}, {0xff66, 0xff9f}, {0x1b000, 0x1b16f}, {0x20000, 0x3ffff},
};

template <size_t n>
bool IsOneOf(const CodePoints (&ranges)[n], uint32_t code) {
  const CodePoints* const range =
      std::upper_bound(std::begin(ranges), std::end(ranges), code,
                       [](uint32_t value, const CodePoints& r) { return value < r.first; });
  return range != std::begin(ranges) && code <= std::prev(range)->last;
}

inline constexpr uint32_t kNoCodePoint = UINT32_MAX;

// The character at `text`'s start and its length; kNoCodePoint of one byte when it is no UTF-8.
inline uint32_t DecodeUtf8(std::string_view text, size_t* size) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  *size = 1;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || length > text.size()) return kNoCodePoint;
  uint32_t code = lead & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return kNoCodePoint;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > 0x10ffff) return kNoCodePoint;
  *size = length;
  return code;
}

enum class TermPart { kSeparator, kLetter, kWord };

inline TermPart ClassifyBeyondAscii(uint32_t code) {
  if (code == kNoCodePoint) return TermPart::kLetter;
  if (IsOneOf(kSeparators, code)) return TermPart::kSeparator;
  return IsOneOf(kUnspaced, code) ? TermPart::kWord : TermPart::kLetter;
}

}  // namespace internal

constexpr bool IsAsciiTermByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
constexpr char LowerAscii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The terms of a text, one after another.
//   for (TermReader terms(text); terms.Next();) Use(terms.term());
class TermReader {
 public:
  explicit TermReader(std::string_view text) : text_(text) {}

  bool Next() {
    const size_t last_end = at_;
    while (at_ < text_.size()) {
      size_t size = 1;
      const internal::TermPart part = PartAt(at_, &size);
      const size_t start = at_;
      at_ += size;
      if (part == internal::TermPart::kSeparator) continue;
      if (part == internal::TermPart::kLetter) SkipLetters();
      term_ = text_.substr(start, at_ - start);
      joined_ = start == last_end && start > 0;
      return true;
    }
    return false;
  }

  // As it stands in the text, a view of it.
  std::string_view term() const { return term_; }
  // Nothing stands between it and the term before it, as within a run of Han characters.
  bool joined() const { return joined_; }

 private:
  internal::TermPart PartAt(size_t at, size_t* size) const {
    const char c = text_[at];
    if (static_cast<unsigned char>(c) < 0x80) {
      return IsAsciiTermByte(c) ? internal::TermPart::kLetter : internal::TermPart::kSeparator;
    }
    return internal::ClassifyBeyondAscii(internal::DecodeUtf8(text_.substr(at), size));
  }
  void SkipLetters() {
    size_t size = 1;
    while (at_ < text_.size() && PartAt(at_, &size) == internal::TermPart::kLetter) {
      at_ += size;
      size = 1;
    }
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string_view term_;
  bool joined_ = false;
};

}  // namespace quern::text
