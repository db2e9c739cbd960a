// What a status page says, as data: rendered once as HTML and once as its JSON twin, so the two can
// never tell different stories.
//
//   PageContent page{.title = "Master"};
//   page.AddFacts("Cluster", {{"cluster id", id}, {"chunks", n}});
//   PageTable& servers = page.AddTable("Servers", {"server", "node", "free"});
//   servers.rows.push_back({{"cs3", "/server?id=3"}, "m1", PageCell::Bytes(free)});
#pragma once

#include <absl/time/time.h>

#include <concepts>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace quern {

// One value: what people see, what programs see, and where a click leads.
struct PageCell {
  PageCell() = default;
  PageCell(std::string_view text, std::string_view href = "")
      : display(text), value(std::string(text)), link(href) {}
  PageCell(const std::string& text) : PageCell(std::string_view(text)) {}
  PageCell(const char* text, std::string_view href = "") : PageCell(std::string_view(text), href) {}
  PageCell(bool yes) : display(yes ? "yes" : "no"), value(yes) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) PageCell(T number)
      : PageCell(Count(static_cast<int64_t>(number))) {}
  PageCell(double number);

  static PageCell Count(int64_t number);           // 1,234,567 and 1234567
  static PageCell Bytes(uint64_t bytes);           // 1.4 GiB and 1503238553
  static PageCell Percent(double share);           // 62 % and 0.62
  static PageCell Seconds(absl::Duration length);  // 4 min 10 s and 250.0
  static PageCell At(absl::Time time);             // 2026-11-22 20:58:01Z and the same with T

  std::string display;
  std::variant<std::string, int64_t, double, bool> value = std::string();
  std::string link;
};

using PageRow = std::vector<PageCell>;
using PageFacts = std::vector<std::pair<std::string, PageCell>>;

struct PageTable {
  std::vector<std::string> columns{};
  std::vector<PageRow> rows{};
};

struct PageSection {
  std::string heading;
  std::variant<PageFacts, PageTable, std::string> body;  // a string is preformatted text
};

struct PageContent {
  std::string title{};
  std::deque<PageSection> sections{};  // a deque: AddTable's reference stays good

  void AddFacts(std::string_view heading, PageFacts facts);
  PageTable& AddTable(std::string_view heading, std::vector<std::string> columns);
  void AddText(std::string_view heading, std::string_view text);
};

// {"title": ..., "cluster": {"cluster_id": ...}, "servers": [{"server": "cs3", ...}, ...]}:
// headings and column names in lower case, other characters turned to '_'. Invalid UTF-8 is
// replaced.
std::string RenderJson(const PageContent& page);

}  // namespace quern
