#include "jobs/text/byte_characters.h"

#include <cstdint>
#include <unordered_map>

#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

bool IsWrittenAsItself(uint32_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

// Characters of the files -> bytes: printable Latin-1 stands for itself, the other 68 bytes in
// order for U+0100 and following.
std::unordered_map<uint32_t, unsigned char> MakeByteOfCharacter() {
  std::unordered_map<uint32_t, unsigned char> byte_of;
  uint32_t next = 0x100;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    byte_of[IsWrittenAsItself(byte) ? byte : next++] = static_cast<unsigned char>(byte);
  }
  return byte_of;
}

}  // namespace

std::optional<std::string> BytesOfCharacters(std::string_view written) {
  static const std::unordered_map<uint32_t, unsigned char> byte_of = MakeByteOfCharacter();
  std::string bytes;
  for (size_t at = 0; at < written.size();) {
    const Character character = CharacterAt(written, at);
    const auto found = byte_of.find(character.code);
    if (found == byte_of.end()) return std::nullopt;
    bytes.push_back(static_cast<char>(found->second));
    at += character.size;
  }
  return bytes;
}

}  // namespace quern::text
