#include "common/page.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "common/sizes.h"

namespace quern {
namespace {

// Keeps the order of the page, which people read too.
using Json = nlohmann::ordered_json;

std::string KeyOf(std::string_view heading) {
  std::string key;
  for (const char c : heading) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
    key += static_cast<char>(upper ? c - 'A' + 'a' : word ? c : '_');
  }
  return key;
}

Json ValueOf(const PageCell& cell) {
  return std::visit([](const auto& value) { return Json(value); }, cell.value);
}

Json ValueOf(const PageFacts& facts) {
  Json object = Json::object();
  for (const auto& [name, cell] : facts) object[KeyOf(name)] = ValueOf(cell);
  return object;
}

Json ValueOf(const PageTable& table) {
  Json rows = Json::array();
  for (const PageRow& row : table.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < row.size() && i < table.columns.size(); ++i) {
      object[KeyOf(table.columns[i])] = ValueOf(row[i]);
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

Json ValueOf(const std::string& text) { return Json(text); }

}  // namespace

PageCell::PageCell(double number) : display(fmt::format("{:.4g}", number)), value(number) {}

PageCell PageCell::Count(int64_t number) {
  PageCell cell;
  const std::string digits = FormatCount(number < 0 ? uint64_t{0} - static_cast<uint64_t>(number)
                                                    : static_cast<uint64_t>(number));
  cell.display = number < 0 ? "-" + digits : digits;
  cell.value = number;
  return cell;
}

PageCell PageCell::Bytes(uint64_t bytes) {
  PageCell cell;
  cell.display = FormatBinarySize(bytes);
  cell.value = static_cast<int64_t>(bytes);
  return cell;
}

PageCell PageCell::Percent(double share) {
  PageCell cell;
  cell.display = fmt::format("{:.0f} %", std::floor(share * 100));
  cell.value = share;
  return cell;
}

PageCell PageCell::Seconds(absl::Duration length) {
  PageCell cell;
  cell.display = HumanDuration(length);
  cell.value = absl::ToDoubleSeconds(length);
  return cell;
}

PageCell PageCell::At(absl::Time time) {
  PageCell cell;
  cell.display = absl::FormatTime("%Y-%m-%d %H:%M:%SZ", time, absl::UTCTimeZone());
  cell.value = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
  return cell;
}

void PageContent::AddFacts(std::string_view heading, PageFacts facts) {
  sections.push_back({std::string(heading), std::move(facts)});
}

PageTable& PageContent::AddTable(std::string_view heading, std::vector<std::string> columns) {
  sections.push_back({std::string(heading), PageTable{.columns = std::move(columns), .rows = {}}});
  return std::get<PageTable>(sections.back().body);
}

void PageContent::AddText(std::string_view heading, std::string_view text) {
  sections.push_back({std::string(heading), std::string(text)});
}

std::string RenderJson(const PageContent& page) {
  Json root = Json::object();
  root["title"] = page.title;
  for (const PageSection& section : page.sections) {
    root[KeyOf(section.heading)] =
        std::visit([](const auto& body) { return ValueOf(body); }, section.body);
  }
  // The default handler throws on file names that are not UTF-8.
  return root.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace quern
