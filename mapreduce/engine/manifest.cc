#include "mapreduce/engine/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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

std::vector<Manifest::Part> ReadParts(const nlohmann::json& list) {
  std::vector<Manifest::Part> parts;
  for (const auto& json : list) {
    if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) continue;
    Manifest::Part& part = parts.emplace_back();
    part.name = json["name"].get<std::string>();
    if (json.contains("bytes") && json["bytes"].is_number_unsigned()) {
      part.bytes = json["bytes"].get<uint64_t>();
    }
    if (json.contains("crc32c") && json["crc32c"].is_string()) {
      const std::string crc = json["crc32c"].get<std::string>();
      std::from_chars(crc.data(), crc.data() + crc.size(), part.crc32c, /*base=*/16);
    }
  }
  return parts;
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

std::optional<Manifest> ParseManifest(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("job_id") || !json["job_id"].is_string() ||
      !json.contains("parts")) {
    return std::nullopt;
  }
  Manifest manifest;
  manifest.job_id = json["job_id"].get<std::string>();
  manifest.parts = ReadParts(json["parts"]);
  if (json.contains("skipped")) manifest.skipped = ReadParts(json["skipped"]);
  for (const auto& directory : json.value("directories", nlohmann::json::array())) {
    if (directory.is_string()) manifest.directories.insert(directory.get<std::string>());
  }
  return manifest;
}

std::optional<ManifestNames> NamesInManifest(std::string_view manifest) {
  const std::optional<Manifest> parsed = ParseManifest(manifest);
  if (!parsed) return std::nullopt;
  ManifestNames names;
  if (!parsed->skipped.empty()) names.files.insert(kSkippedName);
  for (const Manifest::Part& part : parsed->parts) names.files.insert(part.name);
  names.directories = parsed->directories;
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
