#include "jobs/classic/columns.h"

#include <string>

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

void CheckThatThereAreEdges(TaskContext& context) {
  const double none = RealParam(context, "lines_that_are_no_edges", 0, 1e19);
  const double edges = RealParam(context, "lines_that_are_edges", 0, 1e19);
  if (none == 0 || edges > 0) return;
  context.Fail("EDGES: none of its " + std::string(context.param("lines_that_are_no_edges")) +
               " lines is SOURCE<TAB>TARGET. Try: columns with tabs between them");
}

}  // namespace quern::classic
