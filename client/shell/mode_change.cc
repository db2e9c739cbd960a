#include "client/shell/mode_change.h"

#include "common/cli/cli.h"

namespace quern::shell {
namespace {

constexpr uint32_t kSticky = 01000;

bool ParseOctal(std::string_view text, uint32_t* mode) {
  if (text.empty() || text.size() > 4) return false;
  *mode = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return false;
    *mode = *mode << 3 | static_cast<uint32_t>(digit - '0');
  }
  return *mode <= 01777;
}

uint32_t WhoMask(char who) {
  switch (who) {
    case 'u':
      return 0700;
    case 'g':
      return 0070;
    case 'o':
      return 0007;
    case 'a':
      return 0777;
    default:
      return 0;
  }
}

uint32_t Bits(char permission) {
  switch (permission) {
    case 'r':
      return 0444;
    case 'w':
      return 0222;
    case 'x':
      return 0111;
    case 't':
      return kSticky;
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<ModeChange> ModeChange::Parse(std::string_view text) {
  ModeChange change;
  if (uint32_t mode = 0; ParseOctal(text, &mode)) {
    change.clauses_.push_back(
        {.who = 01777, .operation = '=', .bits = mode, .conditional_x = false});
    return change;
  }
  for (const std::string& part : SplitList(text)) {
    ASSIGN_OR_RETURN(const Clause clause, ParseClause(part));
    change.clauses_.push_back(clause);
  }
  if (!change.clauses_.empty()) return change;
  return InvalidArgumentError("'{}' is not a mode. Try: 0644 or u+x,go-w", text);
}

absl::StatusOr<ModeChange::Clause> ModeChange::ParseClause(std::string_view text) {
  Clause clause;
  size_t i = 0;
  while (i < text.size() && WhoMask(text[i]) != 0) clause.who |= WhoMask(text[i++]);
  if (clause.who == 0) clause.who = 0777;
  clause.who |= kSticky;
  const bool operation = i < text.size() && std::string_view("+-=").find(text[i]) != text.npos;
  if (operation) {
    clause.operation = text[i++];
    for (; i < text.size(); ++i) {
      if (text[i] == 'X') {
        clause.conditional_x = true;
      } else if (Bits(text[i]) != 0) {
        clause.bits |= Bits(text[i]);
      } else {
        break;
      }
    }
  }
  if (operation && i == text.size()) return clause;
  return InvalidArgumentError("'{}' is not a mode. Try: 0644 or u+x,go-w", text);
}

uint32_t ModeChange::Apply(uint32_t mode, bool directory) const {
  for (const Clause& clause : clauses_) {
    uint32_t bits = clause.bits;
    if (clause.conditional_x && (directory || (mode & 0111) != 0)) bits |= 0111;
    bits &= clause.who;
    switch (clause.operation) {
      case '+':
        mode |= bits;
        break;
      case '-':
        mode &= ~bits;
        break;
      default:
        // "u=r" says nothing about the sticky bit; an octal mode does.
        mode = (mode & ~(clause.who == 01777 ? 01777u : clause.who & 0777u)) | bits;
        break;
    }
  }
  return mode;
}

}  // namespace quern::shell
