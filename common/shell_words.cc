#include "common/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/clean_text.h"

namespace quern {

std::string ShellQuoted(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string ShellQuotedLine(std::string_view text) {
  const auto is_clean = [](std::string_view part) {
    return CleanLine(part, std::numeric_limits<size_t>::max()) == part;
  };
  if (is_clean(text)) return ShellQuoted(text);
  std::string quoted = "$'";
  while (!text.empty()) {
    const std::string_view character =
        text.substr(0, std::max<size_t>(Utf8CharacterBytes(text), 1));
    text.remove_prefix(character.size());
    if (character == "'" || character == "\\") quoted += '\\';
    if (is_clean(character)) {
      quoted += character;
    } else if (character == "\n") {
      quoted += "\\n";
    } else {
      for (const char c : character) quoted += fmt::format("\\{:03o}", static_cast<uint8_t>(c));
    }
  }
  return quoted + "'";
}

}  // namespace quern
