#include "mapreduce/cli/parameter_form.h"

#include <fmt/ranges.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "mapreduce/cli/flag_value.h"

namespace quern::mr {
namespace {

constexpr NumberRange kAnyNumber = {std::numeric_limits<int64_t>::min(),
                                    std::numeric_limits<int64_t>::max()};
constexpr double kMostReal = std::numeric_limits<double>::max();
constexpr size_t kShownBytes = 200;
constexpr std::string_view kList = "list ";
constexpr std::string_view kReal = "real";
constexpr std::string_view kAnyText = "*";

absl::Status CheckRegex(std::string_view value) {
  if (value.empty()) return InvalidArgumentError("the pattern is empty");
  const RE2 regex(re2::StringPiece(value.data(), value.size()), RE2::Quiet);
  if (regex.ok()) return absl::OkStatus();
  return InvalidArgumentError("'{}': {}", CleanLine(value, kShownBytes), regex.error());
}

// As jobs read numbers: all of the text is one. Neither infinity nor "nan" lies between two.
std::optional<double> ReadReal(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

bool IsRealWithin(std::string_view text, double low, double high) {
  const std::optional<double> value = ReadReal(text);
  return value && *value >= low && *value <= high;
}

// "en", "ceb", "zh-Hant" (BCP 47), in either case. "all" and "off" look like codes, and whoever
// says them means no language.
bool IsLanguage(std::string_view text) {
  static const RE2* const form = new RE2("[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*");
  static const RE2* const none = new RE2("(?i)all|off");
  const re2::StringPiece piece(text.data(), text.size());
  return RE2::FullMatch(piece, *form) && !RE2::FullMatch(piece, *none);
}

bool IsWord(std::string_view value, std::string_view word) {
  const size_t star = word.find(kAnyText);
  if (star == std::string_view::npos) return value == word;
  return value.size() >= word.size() && value.starts_with(word.substr(0, star)) &&
         value.ends_with(word.substr(star + kAnyText.size()));
}

bool IsWordOfForm(std::string_view text) {
  static const RE2* const form = new RE2(R"([a-z][a-z0-9_-]*(\(\*\))?)");
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *form);
}

absl::Status NoForm(std::string_view text) {
  return InvalidArgumentError(
      "'{}' is no form of a value. Try: regex, flag, name, file, language, 1..1000, 0.., "
      "real 0..1, first|second, or list and one of them",
      CleanLine(text, kShownBytes));
}

// The ends of "FIRST..LAST", as text; LAST may be missing.
std::optional<std::pair<std::string_view, std::string_view>> Ends(std::string_view text) {
  const size_t dots = text.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, dots), text.substr(dots + 2));
}

// With the items between commas, as jobs read lists: an empty one too, which no form has.
std::vector<std::string> Items(std::string_view text) {
  std::vector<std::string> items;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::vector<std::string> trimmed = SplitList(text.substr(at, end - at));
    items.push_back(trimmed.empty() ? "" : trimmed.front());
    at = end + 1;
  }
  return items;
}

}  // namespace

absl::StatusOr<ParameterForm::Choice> ParameterForm::ParseChoice(std::string_view text) {
  if (text == "regex") return Choice{Kind::kRegex};
  if (text == "flag") return Choice{Kind::kFlag};
  if (text == "language") return Choice{Kind::kLanguage};
  if (text == "name") return Choice{Kind::kName};
  if (text == "file") return Choice{Kind::kFile};
  if (text == kReal) return Choice{Kind::kReal, {}, -kMostReal, kMostReal};
  if (text.starts_with(kReal) && text.substr(kReal.size()).starts_with(' ')) {
    const auto ends = Ends(text.substr(kReal.size() + 1));
    const auto low = ends ? ReadReal(ends->first) : std::nullopt;
    if (!low) return NoForm(text);
    const auto high = ends->second.empty() ? kMostReal : ReadReal(ends->second);
    if (!high) return NoForm(text);
    return Choice{Kind::kReal, {}, *low, *high};
  }
  if (const auto ends = Ends(text)) {
    const auto min = ParseNumber(ends->first, kAnyNumber);
    const auto max = ends->second.empty() ? kAnyNumber.max : ParseNumber(ends->second, kAnyNumber);
    if (!min.ok() || !max.ok()) return NoForm(text);
    return Choice{Kind::kNumber, {*min, *max}};
  }
  if (!IsWordOfForm(text)) return NoForm(text);
  return Choice{Kind::kWord, {}, 0, 0, std::string(text)};
}

absl::StatusOr<ParameterForm> ParameterForm::Parse(std::string_view text) {
  ParameterForm form;
  form.is_list_ = text.starts_with(kList);
  for (const std::string& one : SplitList(form.is_list_ ? text.substr(kList.size()) : text, '|')) {
    ASSIGN_OR_RETURN(form.choices_.emplace_back(), ParseChoice(one));
  }
  // One word alone would leave nothing to say; more likely it was meant to be a form.
  const bool says_nothing = form.choices_.size() == 1 && form.choices_[0].kind == Kind::kWord;
  if (form.choices_.empty() || says_nothing) return NoForm(text);
  return form;
}

std::string ParameterForm::Describe(const Choice& choice) {
  switch (choice.kind) {
    case Kind::kRegex:
      return "a pattern";
    case Kind::kFlag:
      return "true or false";
    case Kind::kNumber:
      return choice.range.max == kAnyNumber.max
                 ? fmt::format("a whole number from {}", choice.range.min)
                 : fmt::format("a whole number from {} to {}", choice.range.min, choice.range.max);
    case Kind::kReal:
      if (choice.low == -kMostReal) return "a number";
      if (choice.high == kMostReal) return fmt::format("a number from {}", choice.low);
      return fmt::format("a number from {} to {}", choice.low, choice.high);
    case Kind::kLanguage:
      return "the code of a language such as en or zh-Hant";
    case Kind::kName:
      return "a name";
    case Kind::kFile:
      return "the name of a file given with --files";
    case Kind::kWord:
      break;
  }
  return choice.word;
}

bool ParameterForm::is_flag() const {
  return !is_list_ && choices_.size() == 1 && choices_[0].kind == Kind::kFlag;
}

std::string ParameterForm::Type() const {
  constexpr size_t kMaxShown = 40;  // of words that can be told apart at a glance
  std::string type;
  for (const Choice& choice : choices_) {
    if (!type.empty()) type += '|';
    switch (choice.kind) {
      case Kind::kRegex:
        type += "REGEX";
        break;
      case Kind::kFlag:
        type += "true|false";
        break;
      case Kind::kNumber:
      case Kind::kReal:
        type += "N";
        break;
      case Kind::kLanguage:
        type += "LANGUAGE";
        break;
      case Kind::kName:
        type += "NAME";
        break;
      case Kind::kFile:
        type += "FILE";
        break;
      case Kind::kWord:
        type += choice.word;
        break;
    }
  }
  if (type.size() > kMaxShown) type = "NAME";
  return is_list_ ? type + ",..." : type;
}

absl::Status ParameterForm::CheckChoice(const Choice& choice, std::string_view value,
                                        const std::vector<std::string>& files) {
  bool is_good = false;
  switch (choice.kind) {
    case Kind::kRegex:
      return CheckRegex(value);
    case Kind::kNumber:
      return ParseNumber(value, choice.range).status();
    case Kind::kFlag:
      if (ReadFlag(value)) return absl::OkStatus();
      return InvalidArgumentError("'{}' is neither true nor false", CleanLine(value, kShownBytes));
    case Kind::kReal:
      is_good = IsRealWithin(value, choice.low, choice.high);
      break;
    case Kind::kLanguage:
      is_good = IsLanguage(value);
      break;
    case Kind::kName:
      return value.empty() ? InvalidArgumentError("must not be empty") : absl::OkStatus();
    case Kind::kFile:
      is_good = std::find(files.begin(), files.end(), value) != files.end();
      break;
    case Kind::kWord:
      is_good = IsWord(value, choice.word);
      break;
  }
  if (is_good) return absl::OkStatus();
  return InvalidArgumentError("'{}' is not {}", CleanLine(value, kShownBytes), Describe(choice));
}

absl::Status ParameterForm::CheckOne(std::string_view value,
                                     const std::vector<std::string>& files) const {
  std::vector<std::string> forms;
  for (const Choice& choice : choices_) {
    absl::Status fits = CheckChoice(choice, value, files);
    if (fits.ok() || choices_.size() == 1) return fits;
    forms.push_back(Describe(choice));
  }
  const std::string last = std::move(forms.back());
  forms.pop_back();
  return InvalidArgumentError("'{}' is not {} or {}", CleanLine(value, kShownBytes),
                              fmt::join(forms, ", "), last);
}

absl::Status ParameterForm::Check(std::string_view value,
                                  const std::vector<std::string>& files) const {
  if (!is_list_) return CheckOne(value, files);
  for (const std::string& item : Items(value)) RETURN_IF_ERROR(CheckOne(item, files));
  return absl::OkStatus();
}

}  // namespace quern::mr
