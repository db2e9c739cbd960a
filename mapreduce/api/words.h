// text::Words: the words of a text, as views into it.
//
// A word is a maximal run of bytes that are not blank, tab, line feed, vertical tab, form feed or
// carriage return: what `tr -s '[:space:]' '\n'` leaves under LC_ALL=C. 64 bytes are classified at
// a time into a bit mask, whose edges are the starts and ends of words.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace quern::text {

inline bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

namespace internal {

inline constexpr size_t kBlockBytes = 64;

// Bit i is set when byte i is not a space.
#ifdef __SSE2__
inline uint64_t WordMask16(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i from_tab = _mm_sub_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(from_tab, _mm_set1_epi8(4)), from_tab);
  const __m128i blank = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
  const int spaces = _mm_movemask_epi8(_mm_or_si128(control, blank));
  return static_cast<uint64_t>(~spaces & 0xffff);
}
#else
inline uint64_t WordMask16(const char* at) {
  uint64_t mask = 0;
  for (size_t i = 0; i < 16; ++i) mask |= uint64_t{!IsSpace(at[i])} << i;
  return mask;
}
#endif
inline uint64_t WordMask64(const char* at) {
  return WordMask16(at) | WordMask16(at + 16) << 16 | WordMask16(at + 32) << 32 |
         WordMask16(at + 48) << 48;
}

// Of the last `size` bytes before `end`, fewer than 64, in a text that begins at `begin`. No byte
// outside the text is touched: what is missing is read again from in front of it.
inline uint64_t WordMaskOfEnd(const char* begin, const char* end, size_t size) {
  const size_t text_size = static_cast<size_t>(end - begin);
  if (text_size >= kBlockBytes) return WordMask64(end - kBlockBytes) >> (kBlockBytes - size);
  char padded[kBlockBytes];
  std::memset(padded, ' ', sizeof(padded));
  std::memcpy(padded, end - size, size);
  return WordMask64(padded);
}

}  // namespace internal

class WordIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::string_view;
  using difference_type = std::ptrdiff_t;

  WordIterator() = default;
  explicit WordIterator(std::string_view text)
      : begin_(text.data()), end_(text.data() + text.size()), next_block_(text.data()) {
    ++*this;
  }

  std::string_view operator*() const { return word_; }
  // Inlined with the one way that nearly all words go: both edges are at hand.
  __attribute__((always_inline)) WordIterator& operator++() {
    if (edges_ == 0 && !FindStart()) [[unlikely]] {
      word_ = {};
      return *this;
    }
    const char* const start = TakeEdge();
    const char* const end = edges_ != 0 ? TakeEdge() : FindEnd();
    word_ = {start, static_cast<size_t>(end - start)};
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return word_.data() == nullptr; }

 private:
  // The next place where a word starts or ends.
  const char* TakeEdge() {
    const char* const edge = block_ + std::countr_zero(edges_);
    edges_ &= edges_ - 1;
    return edge;
  }
  // False when there are no more words.
  __attribute__((noinline)) bool FindStart() {
    while (edges_ == 0) {
      if (next_block_ == end_) return false;
      LoadBlock();
    }
    return true;
  }
  // Of a word that goes on behind the block.
  __attribute__((noinline)) const char* FindEnd() {
    while (edges_ == 0) {
      if (next_block_ == end_) return end_;
      LoadBlock();
    }
    return TakeEdge();
  }

  void LoadBlock() {
    const size_t left = static_cast<size_t>(end_ - next_block_);
    block_ = next_block_;
    uint64_t mask = 0;
    if (left >= internal::kBlockBytes) {
      mask = internal::WordMask64(block_);
      next_block_ += internal::kBlockBytes;
    } else {
      mask = internal::WordMaskOfEnd(begin_, end_, left);
      next_block_ = end_;
    }
    edges_ = mask ^ (mask << 1 | inside_);
    inside_ = mask >> 63;
  }

  const char* begin_ = nullptr;  // of the text
  const char* end_ = nullptr;
  const char* block_ = nullptr;
  const char* next_block_ = nullptr;
  uint64_t edges_ = 0;   // bit i: a word starts or ends at block_ + i
  uint64_t inside_ = 0;  // 1 when the block's last byte belongs to a word
  std::string_view word_;
};

class WordRange {
 public:
  explicit WordRange(std::string_view text) : text_(text) {}
  WordIterator begin() const { return WordIterator(text_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  std::string_view text_;
};

inline WordRange Words(std::string_view text) { return WordRange(text); }

}  // namespace quern::text
