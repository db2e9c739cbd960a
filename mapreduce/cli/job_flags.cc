#include "mapreduce/cli/job_flags.h"

#include <re2/re2.h>

#include <algorithm>

#include "common/clean_text.h"
#include "common/cli/cli.h"
#include "common/shell_words.h"
#include "mapreduce/cli/job_spec.h"

namespace quern::mr {
namespace {

constexpr size_t kShownNameBytes = 100;

bool Contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// "stop_words" -> "--stop-words", "n" -> "-n".
std::string FlagName(std::string_view parameter) {
  std::string name = fmt::format("{}{}", parameter.size() == 1 ? "-" : "--", parameter);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

absl::Status CheckFlag(std::string_view parameter, const std::string& name, const SpecFile& file) {
  static const RE2* const form = new RE2("[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?");
  const std::vector<std::string> known = file.parameters.value_or(std::vector<std::string>());
  if (!Contains(known, parameter)) {
    const std::string near = DidYouMean(parameter, known);
    return InvalidArgumentError("`parameters` names no such parameter{}",
                                near.empty() ? "" : fmt::format(". Did you mean {}?", near));
  }
  if (!RE2::FullMatch(re2::StringPiece(parameter.data(), parameter.size()), *form)) {
    return InvalidArgumentError("a flag has letters, digits and _ in its name, and no others");
  }
  if (Contains(file.arguments, fmt::format("params.{}", parameter))) {
    return InvalidArgumentError("an argument sets it already");
  }
  if (Contains(FlagsOfRun(), name)) {
    return InvalidArgumentError(
        "mr run has a flag {} itself. Try: leave it out; --set params.{}=... sets it", name,
        parameter);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddJobFlag(std::string_view parameter, std::string_view help, SpecFile* file) {
  const std::string name = FlagName(parameter);
  RETURN_IF_ERROR(Annotate(CheckFlag(parameter, name, *file),
                           fmt::format("flags.{}", CleanLine(parameter, kShownNameBytes))));
  const auto form = file->forms.find(std::string(parameter));
  JobFlag flag{.parameter = std::string(parameter), .name = name, .type = "VALUE", .help = {}};
  flag.help = help;
  if (form != file->forms.end()) flag.type = form->second.is_flag() ? "" : form->second.Type();
  file->flags.push_back(std::move(flag));
  const std::vector<std::string>& order = *file->parameters;
  const auto place = [&](const JobFlag& one) {
    return std::find(order.begin(), order.end(), one.parameter);
  };
  std::sort(file->flags.begin(), file->flags.end(),
            [&](const JobFlag& a, const JobFlag& b) { return place(a) < place(b); });
  return absl::OkStatus();
}

std::string JobFlagHelp(const std::vector<JobFlag>& flags) {
  if (flags.empty()) return "";
  CommandLine line;
  JobFlags unused;
  unused.Define(flags, &line);
  return "Its own flags, behind its name:\n" + line.FlagHelp();
}

void JobFlags::Define(const std::vector<JobFlag>& flags, CommandLine* line) {
  for (const JobFlag& flag : flags) {
    Given& given = given_.emplace_back(Given{.flag = flag, .on = false, .values = {}});
    if (flag.type.empty()) {
      line->Switch(flag.name, &given.on, flag.help);
    } else {
      line->Values(flag.name, flag.type, &given.values, flag.help);
    }
  }
}

absl::StatusOr<std::vector<std::string>> JobFlags::Settings() const {
  std::vector<std::string> settings;
  for (const Given& given : given_) {
    if (given.values.size() > 1) {
      return UsageError(fmt::format("{}: was given {} times. Try: once{}", given.flag.name,
                                    given.values.size(),
                                    given.flag.type.ends_with("...") ? ", as A,B" : ""));
    }
    if (given.on) settings.push_back(fmt::format("params.{}=true", given.flag.parameter));
    for (const std::string& value : given.values) {
      settings.push_back(fmt::format("params.{}={}", given.flag.parameter, value));
    }
  }
  return settings;
}

std::string JobFlags::Text() const {
  std::string text;
  for (const Given& given : given_) {
    if (given.on) text += " " + given.flag.name;
    for (const std::string& value : given.values) {
      text += fmt::format(" {} {}", given.flag.name, ShellQuotedLine(value));
    }
  }
  return text;
}

}  // namespace quern::mr
