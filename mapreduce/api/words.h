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

#ifdef __SSE2__
// Bit i is set when byte i is not a space.
inline uint64_t WordMask16(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i from_tab = _mm_sub_epi8(bytes, _mm_set1_epi8('\t'));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(from_tab, _mm_set1_epi8(4)), from_tab);
  const __m128i blank = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' '));
  const int spaces = _mm_movemask_epi8(_mm_or_si128(control, blank));
  return static_cast<uint64_t>(~spaces & 0xffff);
}
inline uint64_t WordMask(const char* block) {
  return WordMask16(block) | WordMask16(block + 16) << 16 | WordMask16(block + 32) << 32 |
         WordMask16(block + 48) << 48;
}
#else
inline uint64_t WordMask(const char* block) {
  uint64_t mask = 0;
  for (size_t i = 0; i < kBlockBytes; ++i) mask |= uint64_t{!IsSpace(block[i])} << i;
  return mask;
}
#endif

}  // namespace internal

class WordIterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = std::string_view;
  using difference_type = std::ptrdiff_t;

  WordIterator() = default;
  explicit WordIterator(std::string_view text) : next_block_(text.data()), left_(text.size()) {
    ++*this;
  }

  std::string_view operator*() const { return word_; }
  WordIterator& operator++() {
    const char* const start = NextEdge();
    const char* const end = start == nullptr ? nullptr : NextEdge();
    word_ = {start, static_cast<size_t>(end - start)};
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return word_.data() == nullptr; }

 private:
  // The next place where a word starts or ends; nullptr when there is none.
  const char* NextEdge() {
    while (edges_ == 0) {
      if (left_ == 0) {
        if (!inside_) return nullptr;
        inside_ = 0;
        return next_block_;
      }
      LoadBlock();
    }
    const char* const edge = block_ + std::countr_zero(edges_);
    edges_ &= edges_ - 1;
    return edge;
  }

  void LoadBlock() {
    block_ = next_block_;
    uint64_t mask = 0;
    if (left_ >= internal::kBlockBytes) {
      mask = internal::WordMask(block_);
      next_block_ += internal::kBlockBytes;
      left_ -= internal::kBlockBytes;
    } else {
      char padded[internal::kBlockBytes];
      std::memset(padded, ' ', sizeof(padded));
      std::memcpy(padded, block_, left_);
      mask = internal::WordMask(padded);
      next_block_ += left_;
      left_ = 0;
    }
    edges_ = mask ^ (mask << 1 | inside_);
    inside_ = mask >> 63;
  }

  const char* block_ = nullptr;
  const char* next_block_ = nullptr;
  size_t left_ = 0;      // bytes of the text from next_block_ on
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
