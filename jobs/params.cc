#include "jobs/params.h"

#include <algorithm>
#include <charconv>

std::optional<std::string_view> ParamIfSet(quern::TaskContext& context, std::string_view name) {
  const std::string_view value = context.param(name, "a");
  // What is set is not both of two fallbacks.
  if (value != context.param(name, "b")) return std::nullopt;
  return value;
}

bool FlagParam(quern::TaskContext& context, std::string_view name, std::string_view fallback) {
  std::string value;
  for (const char c : context.param(name, fallback)) {
    value += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (value != "true" && value != "false") {
    context.Fail("params." + std::string(name) + " = '" + std::string(context.param(name)) +
                 "': must be true or false");
  }
  return value == "true";
}

int64_t NumberParam(quern::TaskContext& context, std::string_view name, std::string_view fallback,
                    int64_t least, int64_t most) {
  const std::string_view text = context.param(name, fallback);
  int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || number < least ||
      number > most) {
    context.Fail("params." + std::string(name) + " = '" + std::string(text) +
                 "': must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most));
  }
  return number;
}

double RealParam(quern::TaskContext& context, std::string_view name, double least, double most) {
  const std::string_view text = context.param(name);
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  // Of "nan" neither is true.
  const bool within = number >= least && number <= most;
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !within) {
    context.Fail("params." + std::string(name) + " = '" + std::string(text) +
                 "': must be a number from " + std::to_string(least) + " to " +
                 std::to_string(most));
  }
  return number;
}

std::string_view NameParam(quern::TaskContext& context, std::string_view name,
                           std::string_view fallback) {
  const std::string_view text = context.param(name, fallback);
  if (text.empty()) context.Fail("params." + std::string(name) + " = '': must be a name");
  return text;
}

std::vector<std::string> ListParam(quern::TaskContext& context, std::string_view name,
                                   std::string_view fallback) {
  std::vector<std::string> list;
  const std::string_view text = context.param(name, fallback);
  if (text.find_first_not_of(' ') == std::string_view::npos) {
    if (fallback.empty()) return list;
    context.Fail("params." + std::string(name) + " = '" + std::string(text) +
                 "': the list is empty. Try: " + std::string(fallback));
  }
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    std::string_view item = text.substr(at, end - at);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    list.emplace_back(item);
    at = end + 1;
  }
  return list;
}
