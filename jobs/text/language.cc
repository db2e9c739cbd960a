#include "jobs/text/language.h"

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

constexpr size_t kLookedAt = 64 << 10;

// CLD2 stops at the first byte that is no UTF-8, so such bytes become blanks; so do control
// characters, which it does not take either.
void AppendCleaned(std::string_view text, std::string* out) {
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    const bool control = character.code < 0x20 || character.code == 0x7f ||
                         (character.code >= 0x80 && character.code < 0xa0) ||
                         (character.code & 0xfffe) == 0xfffe ||
                         (character.code >= 0xfdd0 && character.code < 0xfdf0);
    if (character.code == kBadByte || control) {
      out->push_back(' ');
    } else {
      out->append(text.substr(at, character.size));
    }
    at += character.size;
  }
  out->push_back(' ');
}

// Codes that CLD2 has from older standards.
std::string ModernCode(std::string_view code) {
  if (code == "iw") return "he";
  if (code == "in") return "id";
  if (code == "ji") return "yi";
  if (code == "jw") return "jv";
  if (code == "mo") return "ro";
  if (code == "un" || code.starts_with("xxx")) return "und";
  return std::string(code);
}

}  // namespace

LanguageGuess DetectLanguage(std::string_view text) {
  std::string looked_at;
  if (text.size() <= kLookedAt) {
    AppendCleaned(text, &looked_at);
  } else {
    constexpr size_t kPart = kLookedAt / 4;
    AppendCleaned(text.substr(0, 2 * kPart), &looked_at);
    AppendCleaned(text.substr(text.size() / 2, kPart), &looked_at);
    AppendCleaned(text.substr(text.size() - kPart), &looked_at);
  }
  const CLD2::CLDHints no_hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING,
                                   CLD2::UNKNOWN_LANGUAGE};
  CLD2::Language languages[3];
  int percents[3];
  double normalized[3];
  int text_bytes = 0;
  int valid_prefix = 0;
  bool reliable = false;
  CLD2::ExtDetectLanguageSummaryCheckUTF8(looked_at.data(), static_cast<int>(looked_at.size()),
                                          true, &no_hints, 0, languages, percents, normalized,
                                          nullptr, &text_bytes, &reliable, &valid_prefix);
  LanguageGuess guess;
  guess.code = ModernCode(CLD2::LanguageCode(languages[0]));
  if (guess.code == "und") return guess;
  guess.score = percents[0] / 100.0;
  guess.reliable = reliable;
  return guess;
}

}  // namespace quern::text
