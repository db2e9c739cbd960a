// Takes out of a text what is no part of it: lines of the page around it (Raffel et al. 2020,
// section 2.2).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quern::text {

struct CleanRules {
  size_t words_min = 3;         // of a line
  size_t token_max = 1000;      // characters of a line's longest run without a blank, nor a
                                // character of a script that has none (IsUnspacedCharacter)
  bool terminal_marks = false;  // lines must end in . ! ? or a quotation mark, and not in "..."
  bool citations = true;        // [1], [edit], [citation needed] go
  bool notices = true;          // lines about JavaScript, cookies and terms of use go
};

struct CleanedLines {
  std::string text;
  size_t short_lines = 0;  // dropped, by the first rule that they break
  size_t long_tokens = 0;
  size_t unterminated = 0;
  size_t notices = 0;
  size_t citations = 0;  // taken out
};

// Lines that are kept lose the blanks around them; empty ones stay where they divide paragraphs.
CleanedLines CleanLines(std::string_view text, const CleanRules& rules);

}  // namespace quern::text
