#include "client/glob.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace quern::client {
namespace {

constexpr size_t kMaxExpansions = 10'000;

// What a backslash can take the meaning from.
constexpr std::string_view kSpecial = "*?[]{},-!^\\";

// A backslash at `i` that makes the next character stand for itself.
bool IsEscape(std::string_view pattern, size_t i) {
  return pattern[i] == '\\' && i + 1 < pattern.size() &&
         kSpecial.find(pattern[i + 1]) != std::string_view::npos;
}

// A {a,b} group: where it opens and closes, and its alternatives.
struct BraceGroup {
  size_t open = 0;
  size_t close = 0;
  std::vector<std::string_view> alternatives;
};

// The group that opens at `open`; none when its brace is not closed.
std::optional<BraceGroup> GroupAt(std::string_view pattern, size_t open) {
  BraceGroup group{.open = open, .close = 0, .alternatives = {}};
  size_t begin = open + 1;
  int depth = 1;
  for (size_t i = open + 1; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (IsEscape(pattern, i)) {
      ++i;
    } else if (c == '{') {
      ++depth;
    } else if (c == ',' && depth == 1) {
      group.alternatives.push_back(pattern.substr(begin, i - begin));
      begin = i + 1;
    } else if (c == '}' && --depth == 0) {
      group.alternatives.push_back(pattern.substr(begin, i - begin));
      group.close = i;
      return group;
    }
  }
  return std::nullopt;
}

std::optional<BraceGroup> FirstGroup(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsEscape(pattern, i)) {
      ++i;
    } else if (pattern[i] == '{') {
      if (auto group = GroupAt(pattern, i)) return group;
    }
  }
  return std::nullopt;
}

absl::Status ExpandInto(const std::string& pattern, std::vector<std::string>* out) {
  const auto group = FirstGroup(pattern);
  if (!group.has_value()) {
    if (out->size() >= kMaxExpansions) {
      return InvalidArgumentError("the braces stand for more than {} paths", kMaxExpansions);
    }
    out->push_back(pattern);
    return absl::OkStatus();
  }
  for (const std::string_view alternative : group->alternatives) {
    std::string one(pattern, 0, group->open);
    one.append(alternative).append(pattern, group->close + 1);
    RETURN_IF_ERROR(ExpandInto(one, out));
  }
  return absl::OkStatus();
}

// The UTF-8 character at *i, and *i moved past it. A byte that begins none stands for itself, above
// all code points.
uint32_t NextCharacter(std::string_view text, size_t* i) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte((*i)++);
  if (lead < 0x80) return lead;
  const size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (more == 0 || *i + more > text.size()) return 0x110000u + lead;
  uint32_t character = lead & (0x3fu >> more);
  for (size_t k = 0; k < more; ++k) {
    if ((byte(*i + k) & 0xc0) != 0x80) return 0x110000u + lead;
    character = character << 6 | (byte(*i + k) & 0x3fu);
  }
  *i += more;
  return character;
}

// The same in a pattern, where a backslash may take the next character as it is.
uint32_t NextLiteral(std::string_view pattern, size_t* i) {
  if (IsEscape(pattern, *i)) ++*i;
  return NextCharacter(pattern, i);
}

// A [set] that opens at `open`: whether it has `c`, and where the pattern goes on. Position npos:
// the bracket is not closed and stands for itself.
struct SetMatch {
  bool has = false;
  size_t next = std::string_view::npos;
};
SetMatch MatchSet(std::string_view pattern, size_t open, uint32_t c) {
  size_t i = open + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool has = false;
  for (bool first = true; i < pattern.size(); first = false) {
    if (pattern[i] == ']' && !first) return {.has = has != negated, .next = i + 1};
    const uint32_t low = NextLiteral(pattern, &i);
    uint32_t high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      ++i;
      high = NextLiteral(pattern, &i);
    }
    has |= low <= c && c <= high;
  }
  return {};
}

// Matches the pattern element at `p`, which is not '*', against `c`; where the pattern goes on,
// npos for no match.
size_t MatchOne(std::string_view pattern, size_t p, uint32_t c) {
  constexpr size_t kNo = std::string_view::npos;
  if (pattern[p] == '?') return p + 1;
  if (pattern[p] == '[') {
    const SetMatch set = MatchSet(pattern, p, c);
    if (set.next != kNo) return set.has ? set.next : kNo;
  }
  return NextLiteral(pattern, &p) == c ? p : kNo;
}

}  // namespace

bool IsPattern(std::string_view pattern) {
  return HasWildcards(pattern) || Unescape(pattern) != pattern;
}

bool HasWildcards(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsEscape(pattern, i)) {
      ++i;
    } else if (std::string_view("*?[{").find(pattern[i]) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::string Unescape(std::string_view pattern) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsEscape(pattern, i)) ++i;
    text.push_back(pattern[i]);
  }
  return text;
}

std::string Escape(std::string_view name) {
  std::string pattern;
  for (const char c : name) {
    if (kSpecial.find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

absl::StatusOr<std::vector<std::string>> ExpandBraces(std::string_view pattern) {
  std::vector<std::string> out;
  RETURN_IF_ERROR(ExpandInto(std::string(pattern), &out));
  return out;
}

// Greedy with one way back: when the rest does not match after the last '*', that star takes one
// character more. Linear memory, no recursion.
bool MatchesComponent(std::string_view pattern, std::string_view name) {
  constexpr size_t kNone = std::string_view::npos;
  size_t p = 0;
  size_t n = 0;
  size_t star = kNone;
  size_t star_end = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_end = n;
      continue;
    }
    size_t after = n;
    const uint32_t c = NextCharacter(name, &after);
    const size_t next = p < pattern.size() ? MatchOne(pattern, p, c) : kNone;
    if (next != kNone) {
      p = next;
      n = after;
    } else if (star != kNone) {
      p = star;
      NextCharacter(name, &star_end);
      n = star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool MatchesVisible(std::string_view pattern, std::string_view name) {
  return (!name.starts_with('.') || pattern.starts_with('.')) && MatchesComponent(pattern, name);
}

}  // namespace quern::client
