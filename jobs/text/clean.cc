#include "jobs/text/clean.h"

#include <algorithm>

#include "jobs/text/ascii.h"
#include "jobs/text/unicode_words.h"
#include "jobs/text/utf8.h"

namespace quern::text {

namespace {

bool IsLineBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDecimal(char c) { return c >= '0' && c <= '9'; }

std::string_view WithoutBlanks(std::string_view line) {
  while (!line.empty() && IsLineBlank(line.front())) line.remove_prefix(1);
  while (!line.empty() && IsLineBlank(line.back())) line.remove_suffix(1);
  return line;
}

size_t CountWords(std::string_view line, size_t enough) {
  WordReader words(line);
  size_t count = 0;
  while (count < enough && !words.Next().empty()) ++count;
  return count;
}

// Paragraphs of scripts without blanks are no long tokens: their characters stand alone.
size_t LongestToken(std::string_view line) {
  size_t longest = 0;
  size_t run = 0;
  for (size_t at = 0; at < line.size();) {
    const bool ends_run = IsLineBlank(line[at]) || IsUnspacedCharacter(line.substr(at));
    run = ends_run ? 0 : run + 1;
    longest = std::max(longest, run);
    at += CharacterAt(line, at).size;
  }
  return longest;
}

bool EndsInMark(std::string_view line) {
  if (line.ends_with("...") || line.ends_with("…")) return false;
  for (const std::string_view mark : {".", "!", "?", "\"", "'", "”", "’", "»", "。", "！", "？"}) {
    if (line.ends_with(mark)) return true;
  }
  return false;
}

bool IsNotice(std::string_view line) {
  const std::string lower = LowerLetters(line);
  for (const std::string_view phrase :
       {"javascript", "terms of use", "terms of service", "privacy policy", "cookie policy",
        "uses cookies", "use of cookies", "use cookies"}) {
    if (lower.find(phrase) != std::string::npos) return true;
  }
  return false;
}

// [12], [edit], [citation needed] at text[at] == '['; its length, 0 when it is none.
size_t CitationSize(std::string_view text, size_t at) {
  const size_t end = text.substr(0, at + 20).find(']', at);
  if (end == std::string_view::npos) return 0;
  const std::string_view inside = text.substr(at + 1, end - at - 1);
  const bool number =
      !inside.empty() && inside.size() <= 3 && std::all_of(inside.begin(), inside.end(), IsDecimal);
  return number || inside == "edit" || inside == "citation needed" ? end + 1 - at : 0;
}

std::string WithoutCitations(std::string_view line, size_t* count) {
  std::string kept;
  for (size_t at = 0; at < line.size();) {
    const size_t size = line[at] == '[' ? CitationSize(line, at) : 0;
    *count += size > 0;
    if (size == 0) kept += line[at];
    at += std::max<size_t>(size, 1);
  }
  return kept;
}

}  // namespace

CleanedLines CleanLines(std::string_view text, const CleanRules& rules) {
  CleanedLines cleaned;
  bool paragraph_ended = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = WithoutBlanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      paragraph_ended = !cleaned.text.empty();
      continue;
    }
    std::string without;
    if (rules.citations && line.find('[') != std::string_view::npos) {
      without = WithoutCitations(line, &cleaned.citations);
      line = WithoutBlanks(without);
    }
    if (LongestToken(line) > rules.token_max) {
      ++cleaned.long_tokens;
    } else if (rules.terminal_marks && !EndsInMark(line)) {
      ++cleaned.unterminated;
    } else if (CountWords(line, rules.words_min) < rules.words_min) {
      ++cleaned.short_lines;
    } else if (rules.notices && IsNotice(line)) {
      ++cleaned.notices;
    } else {
      if (paragraph_ended) cleaned.text += '\n';
      paragraph_ended = false;
      cleaned.text.append(line).push_back('\n');
    }
  }
  return cleaned;
}

}  // namespace quern::text
