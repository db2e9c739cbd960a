#include "jobs/text/fold.h"

#include <utf8proc.h>

#include <cstdlib>

#include "jobs/text/ascii.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

std::string Repaired(std::string_view text) {
  std::string repaired;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    AppendUtf8(character.code, &repaired);  // U+FFFD for a bad byte
    at += character.size;
  }
  return repaired;
}

void AppendFolded(std::string_view text, std::string* out) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  utf8proc_uint8_t* folded = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &folded, kOptions);
  if (size == UTF8PROC_ERROR_INVALIDUTF8) return AppendFolded(Repaired(text), out);
  if (size > 0) out->append(reinterpret_cast<const char*>(folded), static_cast<size_t>(size));
  std::free(folded);
}

}  // namespace

std::string FoldText(std::string_view text) {
  std::string folded;
  folded.reserve(text.size());
  const auto is_ascii = [&](size_t i) { return (text[i] & 0x80) == 0; };
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_ascii(end)) ++end;
    // The last one before another character may become part of it: e and an accent.
    const size_t alone = end < text.size() && end > at ? end - 1 : end;
    for (; at < alone; ++at) folded.push_back(LowerLetter(text[at]));
    if (at == text.size()) break;
    // No ASCII character becomes part of what stands before it.
    while (end < text.size() && !is_ascii(end)) ++end;
    AppendFolded(text.substr(at, end - at), &folded);
    at = end;
  }
  return folded;
}

}  // namespace quern::text
