#include "jobs/classic/columns.h"

#include "jobs/params.h"

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

size_t ColumnParam(TaskContext& context, std::string_view name, std::string_view fallback) {
  return static_cast<size_t>(NumberParam(context, name, fallback, 1, kMaxColumns));
}

}  // namespace quern::classic
