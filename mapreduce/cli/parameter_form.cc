#include "mapreduce/cli/parameter_form.h"

#include <re2/re2.h>

#include <limits>
#include <string>

#include "common/clean_text.h"

namespace quern::mr {
namespace {

constexpr NumberRange kAnyNumber = {std::numeric_limits<int64_t>::min(),
                                    std::numeric_limits<int64_t>::max()};
constexpr size_t kShownBytes = 200;

absl::Status CheckRegex(std::string_view value) {
  if (value.empty()) return InvalidArgumentError("the pattern is empty");
  const RE2 regex(re2::StringPiece(value.data(), value.size()), RE2::Quiet);
  if (regex.ok()) return absl::OkStatus();
  return InvalidArgumentError("'{}': {}", CleanLine(value, kShownBytes), regex.error());
}

absl::Status CheckFlag(std::string_view value) {
  std::string small;
  for (const char c : value) small += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (small == "true" || small == "false") return absl::OkStatus();
  return InvalidArgumentError("'{}' is neither true nor false", CleanLine(value, kShownBytes));
}

}  // namespace

absl::StatusOr<ParameterForm> ParameterForm::Parse(std::string_view text) {
  if (text == "regex") return ParameterForm(Kind::kRegex, {});
  if (text == "flag") return ParameterForm(Kind::kFlag, {});
  const size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    return InvalidArgumentError("'{}' is no form of a value. Try: regex, flag, 1..1000 or 0..",
                                CleanLine(text, kShownBytes));
  }
  NumberRange range = kAnyNumber;
  ASSIGN_OR_RETURN(range.min, ParseNumber(text.substr(0, dots), kAnyNumber));
  const std::string_view last = text.substr(dots + 2);
  if (!last.empty()) {
    ASSIGN_OR_RETURN(range.max, ParseNumber(last, kAnyNumber));
  }
  return ParameterForm(Kind::kNumber, range);
}

absl::Status ParameterForm::Check(std::string_view value) const {
  if (kind_ == Kind::kRegex) return CheckRegex(value);
  if (kind_ == Kind::kFlag) return CheckFlag(value);
  return ParseNumber(value, range_).status();
}

}  // namespace quern::mr
