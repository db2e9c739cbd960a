// UTF-8, one character after another; bytes that are none stand for themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace quern::text {

inline constexpr uint32_t kBadByte = UINT32_MAX;
inline constexpr uint32_t kReplacementCharacter = 0xfffd;
inline constexpr uint32_t kMaxCharacter = 0x10ffff;

struct Character {
  uint32_t code;  // kBadByte: the byte starts no character of UTF-8 (RFC 3629)
  uint32_t size;  // in bytes; 1 of a bad byte
};

// The character at text[at]; at < text.size().
inline Character CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return uint32_t{static_cast<unsigned char>(text[at + i])}; };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const uint32_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || size > text.size() - at) return {kBadByte, 1};
  uint32_t code = lead & (0x7fu >> size);
  for (uint32_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {kBadByte, 1};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < kLeast[size] || code > kMaxCharacter || surrogate) return {kBadByte, 1};
  return {code, size};
}

// What is no character (surrogates, past 0x10ffff) becomes U+FFFD.
inline void AppendUtf8(uint32_t code, std::string* out) {
  if (code > kMaxCharacter || (code >= 0xd800 && code < 0xe000)) code = kReplacementCharacter;
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      add(0xe0 | code >> 12);
    } else {
      add(0xf0 | code >> 18);
      add(0x80 | (code >> 12 & 0x3f));
    }
    add(0x80 | (code >> 6 & 0x3f));
  }
  add(0x80 | (code & 0x3f));
}

// The beginning of a text of UTF-8, at most so many bytes of it and no part of a character.
inline std::string_view WholeCharacters(std::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return text;
  size_t end = most_bytes;
  while (end > 0 && most_bytes - end < 3 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  return text.substr(0, end);
}

}  // namespace quern::text
