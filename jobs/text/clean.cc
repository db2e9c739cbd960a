#include "jobs/text/clean.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "jobs/text/ascii.h"
#include "jobs/text/section_numbers.h"
#include "jobs/text/unicode_words.h"

namespace quern::text {

namespace {

constexpr std::string_view kMaskedEmail = "email@example.com";
constexpr std::string_view kMaskedAddress = "192.0.2.1";  // for documentation: RFC 5737

bool IsLineBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDecimal(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumericByte(char c) { return IsDecimal(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

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

size_t LongestToken(std::string_view line) {
  size_t longest = 0;
  size_t run = 0;
  for (const char c : line) {
    run = IsLineBlank(c) ? 0 : run + ((c & 0xc0) != 0x80);
    longest = std::max(longest, run);
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

bool IsLocalPart(char c) {
  return IsAlphanumericByte(c) || std::string_view("._%+-").find(c) != std::string_view::npos;
}

struct Span {
  size_t begin;
  size_t end;
};

// The e-mail address about text[at] == '@', of which nothing stands before `from`.
std::optional<Span> EmailAbout(std::string_view text, size_t at, size_t from) {
  constexpr size_t kMostLocal = 64;  // RFC 5321
  constexpr size_t kMostDomain = 255;
  size_t begin = at;
  while (begin > from && at - begin < kMostLocal && IsLocalPart(text[begin - 1])) --begin;
  while (begin < at && text[begin] == '.') ++begin;
  size_t end = at + 1;
  while (end < text.size() && end - at <= kMostDomain &&
         (IsAlphanumericByte(text[end]) || text[end] == '.' || text[end] == '-')) {
    ++end;
  }
  while (end > at + 1 && !IsAlphanumericByte(text[end - 1])) --end;  // the end of a sentence
  const std::string_view domain = text.substr(at + 1, end - at - 1);
  const size_t dot = domain.rfind('.');
  if (begin == at || dot == std::string_view::npos || dot == 0 || domain.size() - dot < 3 ||
      IsDecimal(domain.back())) {
    return std::nullopt;
  }
  return Span{begin, end};
}

bool IsPublic(const uint32_t (&parts)[4]) {
  const uint32_t a = parts[0];
  const uint32_t b = parts[1];
  return a != 0 && a != 10 && a != 127 && a < 224 && !(a == 169 && b == 254) &&
         !(a == 172 && b >= 16 && b < 32) && !(a == 192 && b == 168) &&
         !(a == 192 && b == 0 && parts[2] == 2);
}

// The end of a public IPv4 address that begins at text[at].
std::optional<size_t> EndOfAddress(std::string_view text, size_t at) {
  if (at > 0 && (IsAlphanumericByte(text[at - 1]) || text[at - 1] == '.')) return std::nullopt;
  uint32_t parts[4];
  for (size_t i = 0; i < 4; ++i) {
    if (i > 0 && (at == text.size() || text[at++] != '.')) return std::nullopt;
    const size_t start = at;
    parts[i] = 0;
    while (at < text.size() && at - start < 3 && IsDecimal(text[at])) {
      parts[i] = parts[i] * 10 + static_cast<uint32_t>(text[at++] - '0');
    }
    if (at == start || parts[i] > 255) return std::nullopt;
  }
  const bool goes_on =
      at < text.size() && (IsAlphanumericByte(text[at]) ||
                           (text[at] == '.' && at + 1 < text.size() && IsDecimal(text[at + 1])));
  if (goes_on || !IsPublic(parts)) return std::nullopt;
  return at;
}

// Masks one line after another; no address and no number of a section goes over the end of one.
class Masker {
 public:
  void Add(std::string_view line) {
    line_ = line;
    copied_ = 0;
    section_end_.reset();
    for (size_t at = 0; at < line.size();) at = Next(at);
    masked_.text.append(line.substr(copied_));
  }
  MaskedText Take() { return std::move(masked_); }

 private:
  // Where to go on behind what stands at `at`.
  size_t Next(size_t at) {
    if (line_[at] == '@') {
      const std::optional<Span> email = EmailAbout(line_, at, copied_);
      if (!email.has_value()) return at + 1;
      ++masked_.emails;
      return Replace(*email, kMaskedEmail);
    }
    if (!IsDecimal(line_[at])) return at + 1;
    const std::optional<size_t> end = EndOfAddress(line_, at);
    if (!end.has_value()) return at + 1;
    if (IsSectionNumber(line_, at, *end) || GoesOnWithSections(at)) {
      section_end_ = *end;
      return *end;
    }
    section_end_.reset();
    ++masked_.addresses;
    return Replace({at, *end}, kMaskedAddress);
  }

  bool GoesOnWithSections(size_t at) const {
    return section_end_.has_value() &&
           JoinsNumbers(line_.substr(*section_end_, at - *section_end_));
  }

  size_t Replace(Span span, std::string_view mask) {
    masked_.text.append(line_.substr(copied_, span.begin - copied_)).append(mask);
    return copied_ = span.end;
  }

  MaskedText masked_;
  std::string_view line_;
  size_t copied_ = 0;                  // so much of the line
  std::optional<size_t> section_end_;  // where the number before ended, if it was of a section
};

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

MaskedText MaskPersonalData(std::string_view text) {
  Masker masker;
  while (!text.empty()) {
    const size_t size = std::min(text.find('\n'), text.size() - 1) + 1;
    masker.Add(text.substr(0, size));
    text.remove_prefix(size);
  }
  return masker.Take();
}

}  // namespace quern::text
