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

// Names come from users: bytes that are no UTF-8 must not throw.
std::string Text(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
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
  if (!manifest.directories.empty()) json["directories"] = manifest.directories;
  json["counters"] = nlohmann::ordered_json::object();
  for (const pb::Counter& counter : manifest.counters) {
    json["counters"][counter.group()][counter.name()] = counter.value();
  }
  return Text(json);
}

absl::StatusOr<std::string> WithDirectories(const std::string& manifest,
                                            const std::set<std::string>& directories) {
  auto json = nlohmann::ordered_json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidArgumentError("{}: is no manifest", kManifestName);
  json.erase("directories");
  if (!directories.empty()) json["directories"] = directories;
  return Text(json);
}

std::optional<ManifestNames> NamesInManifest(std::string_view manifest) {
  const auto json = nlohmann::json::parse(manifest, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("job_id") || !json.contains("parts")) {
    return std::nullopt;
  }
  ManifestNames names;
  if (json.contains("skipped")) names.files.insert(kSkippedName);
  for (const auto& part : json["parts"]) {
    if (part.is_object() && part.contains("name") && part["name"].is_string()) {
      names.files.insert(part["name"].get<std::string>());
    }
  }
  for (const auto& directory : json.value("directories", nlohmann::json::array())) {
    if (directory.is_string()) names.directories.insert(directory.get<std::string>());
  }
  return names;
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
