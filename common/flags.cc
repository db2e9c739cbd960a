#include "common/flags.h"

#include <toml++/toml.h>

#include <cstdlib>

#include "common/cli/cli.h"

namespace quern {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ","));
}

absl::Status ParseBool(std::string_view text, bool* target) {
  const bool yes = text == "true" || text == "1" || text == "yes" || text == "on";
  const bool no = text == "false" || text == "0" || text == "no" || text == "off";
  if (!yes && !no) return InvalidArgumentError("'{}' is not true or false", text);
  *target = yes;
  return absl::OkStatus();
}

// A TOML value as the text that would stand on the command line.
absl::StatusOr<std::string> TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* truth = node.as_boolean()) return std::string(truth->get() ? "true" : "false");
  const auto* array = node.as_array();
  if (array == nullptr) return InvalidArgumentError("must be a string, a number or a list");
  std::vector<std::string> parts;
  for (const toml::node& element : *array) {
    if (element.is_array() || element.is_table()) {
      return InvalidArgumentError("a list may hold only strings and numbers");
    }
    ASSIGN_OR_RETURN(std::string part, TextOf(element));
    parts.push_back(std::move(part));
  }
  return Join(parts);
}

const Flag* FindFlag(const std::vector<Flag>& flags, std::string_view name) {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

absl::Status UnknownKey(std::string_view where, std::string_view key,
                        const std::vector<Flag>& flags) {
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back(flag.name);
  const std::string near = DidYouMean(key, names);
  const std::string hint = near.empty() ? fmt::format("one of {}", fmt::join(names, ", ")) : near;
  return InvalidArgumentError("{}: unknown key '{}'. Try: {}", where, key, hint);
}

std::string EnvironmentName(const Flag& flag) {
  std::string name = "QUERN_" + flag.name;
  for (char& c : name) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

}  // namespace

Flag MakeFlag(std::string name, std::string* target, std::string help) {
  return {std::move(name), "TEXT", std::move(help), *target, [target](std::string_view text) {
            *target = text;
            return absl::OkStatus();
          }};
}

Flag MakeFlag(std::string name, bool* target, std::string help) {
  return {std::move(name), "", std::move(help), *target ? "true" : "",
          [target](std::string_view text) { return ParseBool(text, target); }};
}

Flag MakeNumberFlag(std::string name, int* target, NumberRange range, std::string help) {
  return {std::move(name), "INT", std::move(help), fmt::format("{}", *target),
          [target, range](std::string_view text) -> absl::Status {
            ASSIGN_OR_RETURN(const int64_t number, ParseNumber(text, range));
            *target = static_cast<int>(number);
            return absl::OkStatus();
          }};
}

Flag MakeFlag(std::string name, absl::Duration* target, std::string help) {
  return {std::move(name), "TIME", std::move(help), absl::FormatDuration(*target),
          [target](std::string_view text) -> absl::Status {
            ASSIGN_OR_RETURN(*target, ParseDuration(text));
            return absl::OkStatus();
          }};
}

Flag MakeFlag(std::string name, std::vector<std::string>* target, std::string help) {
  return {std::move(name), "LIST", std::move(help), Join(*target), [target](std::string_view text) {
            *target = SplitList(text);
            return absl::OkStatus();
          }};
}

Flag MakeSizeFlag(std::string name, uint64_t* bytes, std::string help) {
  return {std::move(name), "SIZE", std::move(help), FormatBinarySize(*bytes),
          [bytes](std::string_view text) -> absl::Status {
            ASSIGN_OR_RETURN(*bytes, ParseSize(text));
            return absl::OkStatus();
          }};
}

absl::Status SetFlag(const Flag& flag, std::string_view where, std::string_view text) {
  return Annotate(flag.set(text), where);
}

absl::Status SetFlagsFromToml(std::string_view toml_text, std::string_view source,
                              const std::vector<Flag>& flags) {
  toml::table table;
  try {
    table = toml::parse(toml_text, source);
  } catch (const toml::parse_error& error) {
    return InvalidArgumentError("{}:{}: {}", source, error.source().begin.line,
                                error.description());
  }
  for (const auto& [key, node] : table) {
    const std::string where = fmt::format("{}:{}", source, node.source().begin.line);
    const Flag* flag = FindFlag(flags, key.str());
    if (flag == nullptr) return UnknownKey(where, key.str(), flags);
    const std::string named = fmt::format("{}: {}", where, flag->name);
    const auto text = TextOf(node);
    if (!text.ok()) return Annotate(text.status(), named);
    RETURN_IF_ERROR(SetFlag(*flag, named, *text));
  }
  return absl::OkStatus();
}

absl::Status SetFlagsFromEnvironment(const std::vector<Flag>& flags) {
  for (const Flag& flag : flags) {
    const std::string name = EnvironmentName(flag);
    const char* text = std::getenv(name.c_str());
    if (text == nullptr || *text == '\0') continue;
    RETURN_IF_ERROR(SetFlag(flag, name, text));
  }
  return absl::OkStatus();
}

}  // namespace quern
