// Which language a text is in (CLD2, whose tables are inside the library: 160 languages, no files).
#pragma once

#include <string>
#include <string_view>

namespace quern::text {

struct LanguageGuess {
  std::string code = "und";  // BCP 47: "en", "zh-Hant"; "und" when it cannot be said
  double score = 0;          // the share of the text that is in it, 0 to 1
  bool reliable = false;     // CLD2's own judgement
};

// Bytes that are no UTF-8 are passed over. Of a long text the beginning, the middle and the end are
// looked at, 64 KiB in all.
LanguageGuess DetectLanguage(std::string_view text);

}  // namespace quern::text
