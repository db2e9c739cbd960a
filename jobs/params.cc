#include "jobs/params.h"

#include <charconv>
#include <string>

bool FlagParam(quern::TaskContext& context, std::string_view name) {
  std::string value;
  for (const char c : context.param(name, "false")) {
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
