#include "mapreduce/engine/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

namespace quern::mr {

namespace {

nlohmann::ordered_json ToJson(const Manifest::Part& part) {
  return {{"name", part.name},
          {"bytes", part.bytes},
          {"records", part.records},
          {"crc32c", fmt::format("{:08x}", part.crc32c)}};
}

}  // namespace

std::string FormatManifest(const Manifest& manifest) {
  nlohmann::ordered_json json;
  json["job_id"] = manifest.job_id;
  json["name"] = manifest.job_name;
  if (!manifest.output.empty()) json["output"] = manifest.output;
  uint64_t bytes = 0;
  uint64_t records = 0;
  json["parts"] = nlohmann::ordered_json::array();
  for (const Manifest::Part& part : manifest.parts) {
    json["parts"].push_back(ToJson(part));
    bytes += part.bytes;
    records += part.records;
  }
  json["bytes"] = bytes;
  json["records"] = records;
  for (const Manifest::Part& part : manifest.skipped) json["skipped"].push_back(ToJson(part));
  for (const Manifest::Output& output : manifest.outputs) {
    json["outputs"][output.name] = {
        {"path", output.path}, {"bytes", output.bytes}, {"records", output.records}};
  }
  json["counters"] = nlohmann::ordered_json::object();
  for (const pb::Counter& counter : manifest.counters) {
    json["counters"][counter.group()][counter.name()] = counter.value();
  }
  // Names come from users: bytes that are no UTF-8 must not throw.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void AddCounters(const google::protobuf::RepeatedPtrField<pb::Counter>& counters,
                 std::vector<pb::Counter>* total) {
  const auto less = [](const pb::Counter& a, const pb::Counter& b) {
    return std::tie(a.group(), a.name()) < std::tie(b.group(), b.name());
  };
  for (const pb::Counter& counter : counters) {
    const auto at = std::lower_bound(total->begin(), total->end(), counter, less);
    if (at != total->end() && !less(counter, *at)) {
      at->set_value(at->value() + counter.value());
    } else {
      total->insert(at, counter);
    }
  }
}

}  // namespace quern::mr
