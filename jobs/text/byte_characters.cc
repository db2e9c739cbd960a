#include "jobs/text/byte_characters.h"

#include <array>
#include <cstdint>

#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr bool IsWrittenAsItself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

constexpr uint32_t kCharacters = 0x144;  // one more than the last of them
constexpr int16_t kNoByte = -1;

// Characters of the files -> bytes: printable Latin-1 stands for itself, the other 68 bytes in
// order for U+0100 and following.
constexpr std::array<int16_t, kCharacters> kByteOfCharacter = [] {
  std::array<int16_t, kCharacters> byte_of{};
  byte_of.fill(kNoByte);
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    byte_of[IsWrittenAsItself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  }
  return byte_of;
}();

}  // namespace

std::optional<std::string> BytesOfCharacters(std::string_view written) {
  std::string bytes;
  for (size_t at = 0; at < written.size();) {
    const Character character = CharacterAt(written, at);
    const bool known = character.code < kCharacters;
    const int16_t byte = known ? kByteOfCharacter[character.code] : kNoByte;
    if (byte == kNoByte) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    at += character.size;
  }
  return bytes;
}

}  // namespace quern::text
