#include "jobs/search/segment/index_manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace quern::search {

namespace {

using nlohmann::json;

// Version 2 says the version of the analysis; in version 1 that is 0.
constexpr uint64_t kVersion = 2;
constexpr uint64_t kFirstVersion = 1;

// nlohmann's own errors are exceptions: nothing that is read here is asked for before it is known
// to be there and of its type.
const json* Member(const json& object, const char* name, json::value_t type) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->type() == type ? &*found : nullptr;
}

class ObjectReader {
 public:
  explicit ObjectReader(const json& object) : object_(object) {}

  std::string Text(const char* name) {
    const json* const member = Get(name, json::value_t::string);
    return member == nullptr ? "" : member->get<std::string>();
  }
  uint64_t Number(const char* name) {
    const json* const member = Get(name, json::value_t::number_unsigned);
    return member == nullptr ? 0 : member->get<uint64_t>();
  }
  bool Flag(const char* name) {
    const json* const member = Get(name, json::value_t::boolean);
    return member != nullptr && member->get<bool>();
  }
  const json& List(const char* name) {
    static const json empty = json::array();
    const json* const member = Get(name, json::value_t::array);
    return member == nullptr ? empty : *member;
  }
  const json& Object(const char* name) {
    static const json empty = json::object();
    const json* const member = Get(name, json::value_t::object);
    return member == nullptr ? empty : *member;
  }
  bool ok() const { return ok_; }

 private:
  const json* Get(const char* name, json::value_t type) {
    const json* const member = Member(object_, name, type);
    ok_ = ok_ && member != nullptr;
    return member;
  }

  const json& object_;
  bool ok_ = true;
};

bool ReadFields(const json& list, IndexManifest* manifest) {
  for (const json& one : list) {
    ObjectReader field(one);
    manifest->fields.push_back({field.Text("name"), field.Number("total_length")});
    if (!field.ok()) return false;
  }
  return manifest->fields.size() <= kMaxFields;
}

// What IsIndexName takes. An index.json of before may say ./new//part-r-00000, which is that file
// of the index as well.
absl::StatusOr<std::string> ReadName(const std::string& name) {
  std::string plain;
  for (size_t begin = 0, end = 0; begin < name.size(); begin = end + 1) {
    end = std::min(name.find('/', begin), name.size());
    const std::string_view part = std::string_view(name).substr(begin, end - begin);
    if (part.empty() || part == ".") continue;
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  if (name.starts_with('/') || !IsIndexName(plain)) {
    return DataLossError("'{}' is no name of a file in it", name);
  }
  return plain;
}

absl::Status ReadSegments(const json& list, IndexManifest* manifest) {
  for (const json& one : list) {
    ObjectReader segment(one);
    IndexSegment& read = manifest->segments.emplace_back();
    const std::string file = segment.Text("file");
    const uint64_t documents = segment.Number("documents");
    if (!segment.ok() || documents > UINT32_MAX) return DataLossError("a segment is incomplete");
    read.documents = static_cast<uint32_t>(documents);
    ASSIGN_OR_RETURN(read.file, ReadName(file));
    const json* const deletions = Member(one, "deletions", json::value_t::string);
    if (deletions == nullptr || deletions->get_ref<const std::string&>().empty()) continue;
    ASSIGN_OR_RETURN(read.deletions, ReadName(deletions->get<std::string>()));
  }
  return absl::OkStatus();
}

// What makes segments parts of one index.
absl::Status CheckKind(const std::string& name, const IndexManifest& added,
                       const IndexManifest& rest) {
  if (rest.analysis.version != added.analysis.version) {
    return FailedPreconditionError(
        "{}: analysed by version {}, the rest of the index by version {}. Try: make the whole "
        "index again",
        name, added.analysis.version, rest.analysis.version);
  }
  const auto same_name = [](const FieldMeta& a, const FieldMeta& b) { return a.name == b.name; };
  if (rest.analysis != added.analysis ||
      !std::equal(rest.fields.begin(), rest.fields.end(), added.fields.begin(), added.fields.end(),
                  same_name)) {
    return FailedPreconditionError(
        "{}: other fields or another analysis than the rest of the index. Try: the same --fields, "
        "--lang, --stem and --stop-words",
        name);
  }
  // Merged into one, they would all have lost their texts.
  const bool stored = added.stored.value_or(false);
  if (added.stored.has_value() && rest.stored.value_or(stored) != stored) {
    return FailedPreconditionError(
        "{}: {} texts, the rest of the index {}. Try: the same --set params.stored", name,
        stored ? "holds" : "holds no", stored ? "holds none" : "does");
  }
  return absl::OkStatus();
}

// `name`: for messages. What an index is of is known before it has a segment.
absl::Status Join(const std::string& name, const std::string& dir, const IndexManifest& other,
                  IndexManifest* manifest) {
  if (other.fields.empty()) return absl::OkStatus();
  if (manifest->fields.empty()) {
    manifest->analysis = other.analysis;
    manifest->stored = other.stored;
    for (const FieldMeta& field : other.fields) manifest->fields.push_back({field.name, 0});
  }
  RETURN_IF_ERROR(CheckKind(name, other, *manifest));
  for (const IndexSegment& segment : other.segments) {
    const std::string file = dir + segment.file;
    if (std::any_of(manifest->segments.begin(), manifest->segments.end(),
                    [&](const IndexSegment& one) { return one.file == file; })) {
      return AlreadyExistsError("{}: is in the index already", file);
    }
  }
  for (const IndexSegment& segment : other.segments) {
    const std::string deletions = segment.deletions.empty() ? "" : dir + segment.deletions;
    manifest->segments.push_back({dir + segment.file, deletions, segment.documents});
  }
  manifest->documents += other.documents;
  for (size_t i = 0; i < other.fields.size(); ++i) {
    manifest->fields[i].total_length += other.fields[i].total_length;
  }
  return absl::OkStatus();
}

}  // namespace

bool IsIndexName(std::string_view name) {
  while (true) {
    const size_t slash = std::min(name.find('/'), name.size());
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == name.size()) return true;
    name.remove_prefix(slash + 1);
  }
}

absl::StatusOr<IndexManifest> ParseIndexManifest(std::string_view text) {
  const json read = json::parse(text, nullptr, /*allow_exceptions=*/false);
  ObjectReader object(read);
  const uint64_t version = object.Number("version");
  if (object.ok() && (version < kFirstVersion || version > kVersion)) {
    return UnimplementedError("an index of version {}; this program reads {} to {}", version,
                              kFirstVersion, kVersion);
  }
  IndexManifest manifest;
  manifest.generation = object.Number("generation");
  manifest.documents = object.Number("documents");
  ObjectReader analysis(object.Object("analysis"));
  manifest.analysis = {analysis.Text("language"), analysis.Flag("stem"),
                       analysis.Flag("stop_words"), 0};
  if (version > kFirstVersion) {
    const uint64_t analysis_version = analysis.Number("version");
    if (analysis_version > UINT32_MAX) return DataLossError("no manifest of a search index");
    manifest.analysis.version = static_cast<uint32_t>(analysis_version);
  }
  if (const json* stored = Member(read, "stored", json::value_t::boolean)) {
    manifest.stored = stored->get<bool>();
  }
  if (const json* part_of = Member(read, "part_of", json::value_t::string)) {
    manifest.part_of = part_of->get<std::string>();
  }
  const json& segments = object.List("segments");
  const bool whole = ReadFields(object.List("fields"), &manifest) && object.ok() && analysis.ok();
  if (!whole) return DataLossError("no manifest of a search index");
  RETURN_IF_ERROR(Annotate(ReadSegments(segments, &manifest), "no manifest of a search index"));
  return manifest;
}

std::string FormatIndexManifest(const IndexManifest& manifest) {
  const bool first = manifest.analysis.version == 0;
  json object = {
      {"version", first ? kFirstVersion : kVersion},
      {"generation", manifest.generation},
      {"documents", manifest.documents},
      {"fields", json::array()},
      {"analysis",
       {{"language", manifest.analysis.language},
        {"stem", manifest.analysis.stem},
        {"stop_words", manifest.analysis.stop_words}}},
      {"segments", json::array()},
  };
  if (!first) object["analysis"]["version"] = manifest.analysis.version;
  if (manifest.stored.has_value()) object["stored"] = *manifest.stored;
  if (!manifest.part_of.empty()) object["part_of"] = manifest.part_of;
  for (const FieldMeta& field : manifest.fields) {
    object["fields"].push_back({{"name", field.name}, {"total_length", field.total_length}});
  }
  for (const IndexSegment& segment : manifest.segments) {
    json one = {{"file", segment.file}, {"documents", segment.documents}};
    if (!segment.deletions.empty()) one["deletions"] = segment.deletions;
    object["segments"].push_back(std::move(one));
  }
  return object.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

absl::StatusOr<std::vector<std::string>> ParseJobParts(std::string_view text) {
  const json read = json::parse(text, nullptr, /*allow_exceptions=*/false);
  ObjectReader object(read);
  std::vector<std::string> names;
  for (const json& one : object.List("parts")) {
    ObjectReader part(one);
    const std::string name = part.Text("name");
    if (!part.ok()) return DataLossError("no manifest of a job");
    absl::StatusOr<std::string> plain = ReadName(name);
    RETURN_IF_ERROR(Annotate(plain.status(), "no manifest of a job"));
    names.push_back(*std::move(plain));
  }
  if (!object.ok()) return DataLossError("no manifest of a job");
  return names;
}

absl::Status AddSegment(const std::string& file, const SegmentMeta& meta, IndexManifest* manifest) {
  IndexManifest one;
  one.documents = meta.documents;
  one.fields = meta.fields;
  one.analysis = meta.analysis;
  one.stored = meta.has_stored;
  if (meta.documents > 0) one.segments.push_back({file, "", meta.documents});
  return Join(file, "", one, manifest);
}

absl::Status AddIndex(const std::string& dir, const IndexManifest& other, IndexManifest* manifest) {
  return Join(dir, dir, other, manifest);
}

}  // namespace quern::search
