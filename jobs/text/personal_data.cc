#include "jobs/text/personal_data.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "jobs/text/section_numbers.h"

namespace quern::text {

namespace {

constexpr std::string_view kMaskedEmail = "email@example.com";
constexpr std::string_view kMaskedAddress = "192.0.2.1";  // for documentation: RFC 5737

bool IsDigitByte(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumericByte(char c) {
  return IsDigitByte(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool IsLocalPart(char c) {
  return IsAlphanumericByte(c) || std::string_view("._%+-").find(c) != std::string_view::npos;
}

struct Extent {
  size_t begin;
  size_t end;
};

// The e-mail address about text[at] == '@', of which nothing stands before `from`.
std::optional<Extent> EmailAbout(std::string_view text, size_t at, size_t from) {
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
      IsDigitByte(domain.back())) {
    return std::nullopt;
  }
  return Extent{begin, end};
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
    while (at < text.size() && at - start < 3 && IsDigitByte(text[at])) {
      parts[i] = parts[i] * 10 + static_cast<uint32_t>(text[at++] - '0');
    }
    if (at == start || parts[i] > 255) return std::nullopt;
  }
  const bool goes_on =
      at < text.size() && (IsAlphanumericByte(text[at]) ||
                           (text[at] == '.' && at + 1 < text.size() && IsDigitByte(text[at + 1])));
  if (goes_on || !IsPublic(parts)) return std::nullopt;
  return at;
}

// Looks at one line after another; no address and no number of a section goes over the end of one.
class PersonalDataFinder {
 public:
  // `start`: where the line begins in the text.
  void Read(std::string_view line, size_t start) {
    line_ = line;
    start_ = start;
    taken_ = 0;
    section_end_.reset();
    for (size_t at = 0; at < line.size();) at = Next(at);
  }
  std::vector<PersonalSpan> Take() { return std::move(spans_); }

 private:
  // Where to go on behind what stands at `at`.
  size_t Next(size_t at) {
    if (line_[at] == '@') {
      const std::optional<Extent> email = EmailAbout(line_, at, taken_);
      return email.has_value() ? Add(PersonalKind::kEmail, *email) : at + 1;
    }
    if (!IsDigitByte(line_[at])) return at + 1;
    const std::optional<size_t> end = EndOfAddress(line_, at);
    if (!end.has_value()) return at + 1;
    if (IsSectionNumber(line_, at, *end) || GoesOnWithSections(at)) {
      section_end_ = *end;
      return *end;
    }
    section_end_.reset();
    return Add(PersonalKind::kAddress, {at, *end});
  }

  bool GoesOnWithSections(size_t at) const {
    return section_end_.has_value() &&
           JoinsNumbers(line_.substr(*section_end_, at - *section_end_));
  }

  size_t Add(PersonalKind kind, Extent extent) {
    spans_.push_back({kind, start_ + extent.begin, extent.end - extent.begin});
    return taken_ = extent.end;
  }

  std::vector<PersonalSpan> spans_;
  std::string_view line_;
  size_t start_ = 0;
  size_t taken_ = 0;                   // so much of the line lies in spans or before them
  std::optional<size_t> section_end_;  // where the number before ended, if it was of a section
};

}  // namespace

std::vector<PersonalSpan> FindPersonalData(std::string_view text) {
  PersonalDataFinder finder;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    finder.Read(text.substr(at, end - at), at);
    at = end;
  }
  return finder.Take();
}

MaskedText MaskPersonalData(std::string_view text) {
  MaskedText masked;
  size_t copied = 0;
  for (const PersonalSpan& span : FindPersonalData(text)) {
    const std::string_view mask = span.kind == PersonalKind::kEmail ? kMaskedEmail : kMaskedAddress;
    masked.text.append(text.substr(copied, span.offset - copied));
    masked.spans.push_back({span.kind, masked.text.size(), mask.size()});
    masked.text.append(mask);
    copied = span.offset + span.bytes;
  }
  masked.text.append(text.substr(copied));
  return masked;
}

}  // namespace quern::text
