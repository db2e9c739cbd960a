// What the expressions of cl100k and o200k have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace quern::text {

// Behind '(?i:[sdmt]|ll|ve|re), at an apostrophe or elsewhere; `at` where there is none. In Unicode
// the long s is an s in another case.
inline size_t EndOfContraction(std::string_view text, size_t at) {
  constexpr std::string_view kLongS = "\xc5\xbf";
  if (at >= text.size() || text[at] != '\'') return at;
  const std::string_view rest = text.substr(at + 1, 2);
  if (rest.empty()) return at;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const char first = lower(rest[0]);
  if (first == 's' || first == 'd' || first == 'm' || first == 't') return at + 2;
  if (rest.size() < 2) return at;
  if (rest == kLongS) return at + 3;
  const char second = lower(rest[1]);
  const bool ll = first == 'l' && second == 'l';
  const bool ve = first == 'v' && second == 'e';
  const bool re = first == 'r' && second == 'e';
  return ll || ve || re ? at + 3 : at;
}

// A run of blanks [begin, end) whose last one begins at `last`:
//   \s*[\r\n]+|\s+(?!\S)|\s+
// Up to its last end of a line; without one, all at the end of the text, and elsewhere all but the
// last one, which is left to what follows.
inline size_t EndOfBlanks(std::string_view text, size_t begin, size_t last, size_t end) {
  const size_t line = text.substr(begin, end - begin).find_last_of("\r\n");
  if (line != std::string_view::npos) return begin + line + 1;
  return end == text.size() || last == begin ? end : last;
}

// \p{N}{1,3} and the like: behind at most so many characters for which `is` holds, which is told
// where one begins and says how many bytes it has, or 0.
template <typename SizeIfIs>
size_t EndOfAtMost(std::string_view text, size_t at, size_t most, SizeIfIs size_if_is) {
  for (size_t count = 0; count < most && at < text.size(); ++count) {
    const size_t size = size_if_is(at);
    if (size == 0) break;
    at += size;
  }
  return at;
}

}  // namespace quern::text
