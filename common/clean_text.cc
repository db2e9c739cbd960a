#include "common/clean_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

namespace quern {
namespace {

constexpr std::string_view kCutMark = "...";

struct Range {
  uint8_t low;
  uint8_t high;
};

bool IsIn(const Range& range, char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte >= range.low && byte <= range.high;
}

// What may follow a first byte as the second one: neither overlong forms, nor surrogates, nor
// anything above U+10FFFF (Unicode, table 3-7).
Range SecondByte(uint8_t first) {
  switch (first) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return {0x80, 0xbf};
  }
}

// C0, DEL, and C1, which some terminals obey as well.
bool IsControl(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 2) return first == 0xc2 && static_cast<uint8_t>(character[1]) < 0xa0;
  return character.size() == 1 && (first < 0x20 || first == 0x7f);
}

std::string Escape(std::string_view bytes) {
  if (bytes == "\n") return "\\n";
  if (bytes == "\t") return "\\t";
  if (bytes == "\r") return "\\r";
  std::string escaped;
  for (const char c : bytes) escaped += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
  return escaped;
}

std::string Clean(std::string_view text, size_t max_bytes, bool keep_lines) {
  std::string clean;
  size_t room_for_mark = 0;  // length of `clean` up to which the mark still fits behind it
  while (!text.empty()) {
    const size_t bytes = Utf8CharacterBytes(text);
    std::string_view piece = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(piece.size());
    const bool kept = keep_lines && (piece == "\n" || piece == "\t");
    std::string escaped;
    if (bytes == 0 || (IsControl(piece) && !kept)) piece = escaped = Escape(piece);
    if (clean.size() + piece.size() > max_bytes) {
      clean.resize(room_for_mark);
      return clean.append(kCutMark.substr(0, max_bytes - room_for_mark));
    }
    clean += piece;
    if (clean.size() + kCutMark.size() <= max_bytes) room_for_mark = clean.size();
  }
  return clean;
}

}  // namespace

size_t Utf8CharacterBytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < bytes || !IsIn(SecondByte(first), text[1])) return 0;
  for (size_t i = 2; i < bytes; ++i) {
    if (!IsIn({0x80, 0xbf}, text[i])) return 0;
  }
  return bytes;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    // Eight at a time where all are ASCII.
    uint64_t eight = 0;
    while (text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
      if ((eight & 0x8080808080808080) != 0) break;
      text.remove_prefix(sizeof(eight));
    }
    if (text.empty()) break;
    const size_t bytes = Utf8CharacterBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string CleanLine(std::string_view text, size_t max_bytes) {
  return Clean(text, max_bytes, false);
}

std::string CleanText(std::string_view text, size_t max_bytes) {
  return Clean(text, max_bytes, true);
}

std::string CleanTail(std::string_view text, size_t max_bytes) {
  std::string clean = Clean(text, std::numeric_limits<size_t>::max() - kCutMark.size(), true);
  if (clean.size() <= max_bytes) return clean;
  size_t begin = clean.size() - max_bytes + std::min(kCutMark.size(), max_bytes);
  while (begin < clean.size() && IsIn({0x80, 0xbf}, clean[begin])) ++begin;
  return std::string(kCutMark.substr(0, max_bytes)) + clean.substr(begin);
}

}  // namespace quern
