#include "tests/campaign/job_essence.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "common/crc32c.h"
#include "mapreduce/formats/sorted_table.h"
#include "tests/mapreduce/engine/memory_storage.h"

namespace quern::campaign {
namespace {

using nlohmann::json;

// Counters that do not depend on how the records came together in spills and merges.
constexpr std::string_view kExactCounters[] = {"map_input_bytes",
                                               "map_input_records",
                                               "map_output_records",
                                               "map_skipped_records",
                                               "reduce_input_groups",
                                               "reduce_output_records",
                                               "matches",
                                               "mapped",
                                               "words"};

// The last bytes of a table file (docs/formats/sorted-table.md).
constexpr std::string_view kTableEnd = "\xf7\xcf\xf4\x85\xb7\x41\xe2\x88";

// They stand in the manifest by group and name.
void AddCounters(const json& counters, std::ostringstream* out) {
  for (const auto& [group, members] : counters.items()) {
    for (const std::string_view name : kExactCounters) {
      const auto counter = members.find(std::string(name));
      if (counter != members.end()) *out << group << "." << name << "=" << *counter << "\n";
    }
  }
}

bool IsTable(std::string_view bytes) { return bytes.ends_with(kTableEnd); }

// Of a table its records: RocksDB draws an id for each table file, so the bytes differ.
void AddRecords(std::string bytes, std::ostringstream* out) {
  const auto table =
      mr::SortedTable::Open(std::make_unique<mr::MemoryFile>(std::move(bytes), 1 << 20));
  if (!table.ok()) {
    *out << "table: " << table.status() << "\n";
    return;
  }
  const auto cursor = (*table)->NewCursor();
  uint32_t crc = 0;
  uint64_t records = 0;
  for (bool more = cursor->Seek(""); more; more = cursor->Next()) {
    for (const std::string_view text : {cursor->key(), cursor->value()}) {
      const uint64_t size = text.size();
      crc = ExtendCrc32c(ExtendCrc32c(crc, &size, sizeof(size)), text.data(), text.size());
    }
    ++records;
  }
  *out << "table: " << records << " records, " << crc << ", " << cursor->status() << "\n";
}

void AddPart(json part, std::string bytes, std::ostringstream* out) {
  const bool table = IsTable(bytes);
  if (table) part.erase("crc32c");
  *out << part.dump() << "\n";
  if (table) return AddRecords(std::move(bytes), out);
  *out << "read: " << Crc32c(bytes) << "\n";
}

void AddOutput(const OutputPlace& place, const std::string& dir, std::ostringstream* out) {
  const std::string text = place.read({dir + "/_MANIFEST.json"});
  const json manifest = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (manifest.is_discarded()) {
    *out << "no manifest: " << text.substr(0, 200) << "\n";
    return;
  }
  for (const json& part : manifest.value("parts", json::array())) {
    AddPart(part, place.read(dir + "/" + part.value("name", "")), out);
  }
  AddCounters(manifest.value("counters", json::object()), out);
}

}  // namespace

std::string EssenceOf(const OutputPlace& place, const std::vector<std::string>& outputs) {
  std::ostringstream out;
  for (const std::string& output : outputs) {
    const std::string dir = place.root + output;
    out << "output " << output << "\n";
    std::vector<std::string> files = place.list(dir);
    std::sort(files.begin(), files.end());
    for (const std::string& file : files) out << file.substr(dir.size()) << "\n";
    AddOutput(place, dir, &out);
  }
  return out.str();
}

}  // namespace quern::campaign
