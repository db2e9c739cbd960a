#include "jobs/text/section_numbers.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "jobs/text/ascii.h"

namespace quern::text {

namespace {

// Longer ones are no word of the list.
constexpr size_t kMostLetters = 14;
constexpr std::string_view kSectionSign = "\xc2\xa7";

bool IsLetter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool IsInLineBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view WithoutSpacesBehind(std::string_view text) {
  while (!text.empty() && IsInLineBlank(text.back())) text.remove_suffix(1);
  return text;
}
std::string_view WithoutSpaces(std::string_view text) {
  while (!text.empty() && IsInLineBlank(text.front())) text.remove_prefix(1);
  return WithoutSpacesBehind(text);
}

// The letters that `text` ends with, small; a full stop or colon may stand behind them.
std::string LastWord(std::string_view text) {
  if (text.ends_with('.') || text.ends_with(':')) text.remove_suffix(1);
  size_t begin = text.size();
  while (begin > 0 && text.size() - begin <= kMostLetters && IsLetter(text[begin - 1])) --begin;
  return LowerLetters(text.substr(begin));
}

bool NamesANumber(std::string_view word) {
  constexpr std::string_view kWords[] = {
      "appendix", "art",      "article",   "articles",   "build",    "chapter",
      "chapters", "clause",   "clauses",   "driver",     "figure",   "firmware",
      "oid",      "para",     "paragraph", "paragraphs", "release",  "releases",
      "rev",      "revision", "sec",       "section",    "sections", "subsection",
      "table",    "v",        "ver",       "version",    "versions"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// Each of the numbers in "2.4.1.3" has two digits at most.
bool AllAreSmall(std::string_view numbers) {
  size_t digits = 0;
  for (const char c : numbers) {
    digits = c == '.' ? 0 : digits + 1;
    if (digits > 2) return false;
  }
  return true;
}

// What follows numbers that begin a line makes the line a heading.
bool IsTitle(std::string_view behind) {
  if (behind.empty() || !IsInLineBlank(behind.front())) return false;
  const std::string_view title = WithoutSpaces(behind.substr(0, behind.find_first_of("\r\n")));
  if (title.empty() || title.front() < 'A' || title.front() > 'Z') return false;
  return std::string_view(".!?,;:").find(title.back()) == std::string_view::npos;
}

}  // namespace

bool IsSectionNumber(std::string_view line, size_t begin, size_t end) {
  // Of what stands before only the end is looked at, and what follows only once in a line: lines of
  // thousands of numbers take no longer than they are long.
  const std::string_view before = WithoutSpacesBehind(line.substr(0, begin));
  if (before.ends_with(kSectionSign) || NamesANumber(LastWord(before))) return true;
  return before.empty() && AllAreSmall(line.substr(begin, end - begin)) &&
         IsTitle(line.substr(end));
}

bool JoinsNumbers(std::string_view between) {
  constexpr std::string_view kJoints[] = {",",  "and", ", and", "or", ", or",
                                          "to", "-",   "–",     "&",  "through"};
  const std::string_view joint = WithoutSpaces(between);
  return std::find(std::begin(kJoints), std::end(kJoints), joint) != std::end(kJoints);
}

}  // namespace quern::text
