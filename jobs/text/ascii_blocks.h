// Runs of ASCII, eight bytes at a time: most texts are mostly that, and a byte at a time is what
// readers of documents spent a fifth of their time with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "jobs/text/ascii.h"

namespace quern::text {

inline constexpr size_t kAsciiBlockBytes = sizeof(uint64_t);
inline constexpr uint64_t kOneInEach = 0x0101010101010101;
inline constexpr uint64_t kHighBitOfEach = 0x80 * kOneInEach;

inline uint64_t AsciiBlockAt(const char* bytes) {
  uint64_t block = 0;
  std::memcpy(&block, bytes, sizeof(block));
  return block;
}

// Whether one of the eight bytes, which may be any, is `c`.
inline bool HasByte(uint64_t block, char c) {
  const uint64_t differs = block ^ (kOneInEach * static_cast<unsigned char>(c));
  return ((differs - kOneInEach) & ~differs & kHighBitOfEach) != 0;
}

// Eight bytes of ASCII in lower case.
inline uint64_t LowerAsciiBlock(uint64_t block) {
  const uint64_t from_a = block + kOneInEach * (0x80 - 'A');
  const uint64_t beyond_z = block + kOneInEach * (0x7f - 'Z');
  return block | ((from_a ^ beyond_z) & kHighBitOfEach) >> 2;
}

// Where the first byte from `at` on stands that is no ASCII; text.size() when there is none.
inline size_t EndOfAscii(std::string_view text, size_t at) {
  while (at + kAsciiBlockBytes <= text.size() &&
         (AsciiBlockAt(text.data() + at) & kHighBitOfEach) == 0) {
    at += kAsciiBlockBytes;
  }
  while (at < text.size() && (text[at] & 0x80) == 0) ++at;
  return at;
}

// Where the first of these two bytes stands, from `at` on; text.size() when there is none.
inline size_t FindEither(std::string_view text, size_t at, char a, char b) {
  while (at + kAsciiBlockBytes <= text.size()) {
    const uint64_t block = AsciiBlockAt(text.data() + at);
    if (HasByte(block, a) || HasByte(block, b)) break;
    at += kAsciiBlockBytes;
  }
  while (at < text.size() && text[at] != a && text[at] != b) ++at;
  return at;
}

// `ascii` holds nothing else.
inline void AppendLowerAscii(std::string_view ascii, std::string* out) {
  size_t at = out->size();
  out->append(ascii);
  for (; at + kAsciiBlockBytes <= out->size(); at += kAsciiBlockBytes) {
    const uint64_t lower = LowerAsciiBlock(AsciiBlockAt(out->data() + at));
    std::memcpy(out->data() + at, &lower, sizeof(lower));
  }
  for (; at < out->size(); ++at) (*out)[at] = LowerLetter((*out)[at]);
}

}  // namespace quern::text
