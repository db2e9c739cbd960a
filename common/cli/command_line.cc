#include "common/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/cli/cli.h"

namespace quern {
namespace {

// Marks a status as wrong usage.
constexpr char kUsagePayload[] = "quern/usage";

}  // namespace

absl::Status UsageError(std::string_view message) {
  absl::Status status = InvalidArgumentError("{}", message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

void CommandLine::Switch(const std::string& names, bool* target, const std::string& help) {
  flags_.push_back({names, "", target, help});
}

void CommandLine::Value(const std::string& names, const std::string& type, std::string* target,
                        const std::string& help) {
  flags_.push_back({names, type, target, help});
}

void CommandLine::Number(const std::string& names, const std::string& type, int64_t* target,
                         NumberRange range, const std::string& help) {
  flags_.push_back({names, type, NumberTarget{[target](int64_t n) { *target = n; }, range}, help});
}

void CommandLine::Number(const std::string& names, const std::string& type,
                         std::optional<int64_t>* target, NumberRange range,
                         const std::string& help) {
  flags_.push_back({names, type, NumberTarget{[target](int64_t n) { *target = n; }, range}, help});
}

void CommandLine::Values(const std::string& names, const std::string& type,
                         std::vector<std::string>* target, const std::string& help) {
  flags_.push_back({names, type, target, help});
}

void CommandLine::Arguments(std::vector<std::string>* target, size_t min, size_t max) {
  arguments_ = target;
  min_arguments_ = min;
  max_arguments_ = max;
}

namespace {

// Of "-dash" the parser takes -d, and leaves "-ash".
std::string AsWritten(const std::string& left, const std::vector<std::string>& words) {
  const auto written = std::ranges::find_if(words, [&](const std::string& word) {
    return word == left || (word.size() > left.size() && word.starts_with("-") &&
                            !word.starts_with("--") && word.ends_with(left.substr(1)));
  });
  return written == words.end() ? left : *written;
}

}  // namespace

absl::Status CommandLine::Parse(const std::vector<std::string>& words) const {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const Flag& flag : flags_) {
    if (bool* const* on = std::get_if<bool*>(&flag.target)) {
      app.add_flag(flag.names, **on);
    } else if (const auto* number = std::get_if<NumberTarget>(&flag.target)) {
      app.add_option_function<std::string>(
             flag.names,
             [&flag, number](const std::string& text) {
               const auto value = ParseNumber(text, number->range);
               if (!value.ok()) {
                 throw CLI::ValidationError(flag.names, std::string(Message(value.status())));
               }
               number->set(*value);
             })
          ->allow_extra_args(false);
    } else if (std::string* const* text = std::get_if<std::string*>(&flag.target)) {
      app.add_option(flag.names, **text)->allow_extra_args(false);
    } else {
      app.add_option(flag.names, *std::get<std::vector<std::string>*>(flag.target))
          ->allow_extra_args(false);
    }
  }
  // "-name x" is "--name x" where there is such a flag.
  const std::vector<std::string> spellings = Spellings();
  const auto end = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> flags_and_arguments;
  for (auto word = words.begin(); word != end; ++word) {
    const bool long_form =
        word->size() > 2 && word->front() == '-' &&
        std::find(spellings.begin(), spellings.end(), "-" + *word) != spellings.end();
    flags_and_arguments.push_back(long_form ? "-" + *word : *word);
  }
  std::reverse(flags_and_arguments.begin(), flags_and_arguments.end());  // as CLI11 wants them
  try {
    app.parse(flags_and_arguments);
  } catch (const CLI::Error& error) {
    return UsageError(error.what());
  }
  for (const std::string& word : app.remaining()) {
    if (word.size() > 1 && word.front() == '-') return UnknownFlag(AsWritten(word, words));
    if (arguments_ == nullptr)
      return UsageError(fmt::format("'{}' is one argument too many", word));
    arguments_->push_back(word);
  }
  if (end != words.end() && arguments_ != nullptr) {
    arguments_->insert(arguments_->end(), end + 1, words.end());
  }
  return CheckArgumentCount();
}

absl::Status CommandLine::CheckArgumentCount() const {
  if (arguments_ == nullptr) return absl::OkStatus();
  if (arguments_->size() < min_arguments_) {
    return UsageError(fmt::format("{} argument{} missing", min_arguments_ - arguments_->size(),
                                  min_arguments_ - arguments_->size() == 1 ? " is" : "s are"));
  }
  if (arguments_->size() > max_arguments_) {
    return UsageError(fmt::format("'{}' is one argument too many", (*arguments_)[max_arguments_]));
  }
  return absl::OkStatus();
}

absl::Status CommandLine::UnknownFlag(const std::string& word) const {
  if (!what_arguments_are_.empty() && word.size() > 1 && word[1] != '-') {
    return UsageError(
        fmt::format("no such flag: {}. {} that begins with a dash comes after --: "
                    "-- {}",
                    word, what_arguments_are_, word));
  }
  // No flag was meant, so none is like it.
  if (word.find_first_not_of("0123456789", 1) == std::string::npos) {
    return UsageError(fmt::format("no such flag: {}, and no number here is negative", word));
  }
  const std::vector<std::string> spellings = Spellings();
  const auto begun = std::find_if(spellings.begin(), spellings.end(), [&](const auto& spelling) {
    return word.size() > 3 && spelling.starts_with(word);
  });
  // Letters that are no flags themselves: more likely a name.
  if (arguments_ != nullptr && word.size() > 2 && word[1] != '-') {
    return UsageError(
        fmt::format("no such flags: {}. A name that begins with a dash comes after --, or as ./{}",
                    word, word));
  }
  const std::string meant = begun != spellings.end() ? *begun : DidYouMean(word, spellings);
  return UsageError(fmt::format("no such flag: {}{}", word,
                                meant.empty() ? "" : fmt::format(". Did you mean {}?", meant)));
}

bool CommandLine::TakesNextWord(const std::string& word) const {
  return std::any_of(flags_.begin(), flags_.end(), [&](const Flag& flag) {
    const std::vector<std::string> names = SplitList(flag.names);
    return !flag.type.empty() && std::any_of(names.begin(), names.end(), [&](const auto& name) {
      return name == word || name == "-" + word;
    });
  });
}

std::string CommandLine::FirstArgument(const std::vector<std::string>& words) const {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--") return i + 1 < words.size() ? words[i + 1] : "";
    if (words[i].size() < 2 || words[i].front() != '-') return words[i];
    if (TakesNextWord(words[i])) ++i;
  }
  return "";
}

std::vector<std::string> CommandLine::Spellings() const {
  std::vector<std::string> spellings;
  for (const Flag& flag : flags_) {
    for (std::string& name : SplitList(flag.names)) spellings.push_back(std::move(name));
  }
  return spellings;
}

std::string CommandLine::FlagHelp() const {
  Table table({{"", Table::Align::kLeft}, {"", Table::Align::kLeft}});
  for (const Flag& flag : flags_) {
    std::string names = flag.names;
    for (size_t comma = 0; (comma = names.find(',', comma)) != std::string::npos; ++comma) {
      names.replace(comma, 1, ", ");
    }
    table.AddRow(
        {fmt::format("  {}{}{}", names, flag.type.empty() ? "" : " ", flag.type), flag.help});
  }
  return table.ToString();
}

}  // namespace quern
