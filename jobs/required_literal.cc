#include "jobs/required_literal.h"

#include <cstddef>

namespace {

bool IsQuantifier(char c) { return c == '*' || c == '?' || c == '{'; }

// "\." is a dot; "\d", "\b", "\x41" and the like are no plain characters.
bool IsPlainEscape(char c) {
  const bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return !word && static_cast<unsigned char>(c) < 0x80;
}

bool IsSpecial(char c) {
  return std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos;
}

// Where the repetition that begins at `at` ends: at its brace. Braces around anything but numbers
// are plain characters, and what is between them is part of the pattern, such as the class in
// "{[b}a]".
size_t EndOfRepetition(std::string_view pattern, size_t at) {
  const size_t end = pattern.find_first_not_of("0123456789,", at + 1);
  return end != std::string_view::npos && pattern[end] == '}' ? end : at;
}

// Of UTF-8, up to four bytes.
void DropLastCharacter(std::string* text) {
  while (!text->empty()) {
    const bool continues = (static_cast<unsigned char>(text->back()) & 0xc0) == 0x80;
    text->pop_back();
    if (!continues) return;
  }
}

}  // namespace

std::string RequiredLiteral(std::string_view pattern) {
  // Alternatives and groups (with their flags) can make anything optional, \Q changes what follows.
  if (pattern.find_first_of("|(") != std::string_view::npos) return "";
  if (pattern.find("\\Q") != std::string_view::npos) return "";
  std::string longest;
  std::string run;
  const auto end_run = [&] {
    if (run.size() > longest.size()) longest = run;
    run.clear();
  };
  for (size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if (c == '[') return longest.size() > run.size() ? longest : run;  // what follows may be hidden
    const bool escape = c == '\\' && at + 1 < pattern.size();
    if (escape && !IsPlainEscape(pattern[at + 1]))
      return longest.size() > run.size() ? longest : run;
    if (escape) {
      run += pattern[++at];
    } else if (!IsSpecial(c)) {
      run += c;
    } else if (IsQuantifier(c)) {
      // The character before it need not be there.
      DropLastCharacter(&run);
      end_run();
      if (c == '{') at = EndOfRepetition(pattern, at);
    } else {
      end_run();
    }
  }
  end_run();
  return longest;
}
