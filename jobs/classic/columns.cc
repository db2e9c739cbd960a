#include "jobs/classic/columns.h"

#include <charconv>
#include <string>

namespace quern::classic {
namespace {

constexpr int64_t kMaxColumns = 10'000;

}  // namespace

std::optional<std::string_view> Column(std::string_view line, size_t number) {
  while (--number > 0) {
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    line.remove_prefix(tab + 1);
  }
  return line.substr(0, line.find('\t'));
}

int64_t NumberParam(TaskContext& context, std::string_view name, std::string_view fallback,
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

size_t ColumnParam(TaskContext& context, std::string_view name, std::string_view fallback) {
  return static_cast<size_t>(NumberParam(context, name, fallback, 1, kMaxColumns));
}

}  // namespace quern::classic
