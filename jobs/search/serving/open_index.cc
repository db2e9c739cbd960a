#include "jobs/search/serving/open_index.h"

#include <utility>

#include "common/hash.h"

namespace quern::search {
namespace {

using Segments = std::vector<std::unique_ptr<const Segment>>;

constexpr int kAttempts = 3;
constexpr std::string_view kHowToMakeOne = "Try: mr run search-index IN OUT";

// What the index is called.
std::string NameOf(IndexFiles* files, const std::string& within = "") {
  std::string dir = files->Describe(within);
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  return dir;
}

absl::StatusOr<std::unique_ptr<Segment>> FetchSegment(IndexFiles* files, const std::string& name) {
  const auto open = [&]() -> absl::StatusOr<std::unique_ptr<Segment>> {
    ASSIGN_OR_RETURN(const std::string path, files->Fetch(name));
    return Segment::OpenFile(path);
  };
  auto segment = open();
  if (absl::IsDataLoss(segment.status()) && files->Discard(name)) segment = open();
  return segment;
}

absl::Status TakeDeletions(IndexFiles* files, const std::string& name, Segment* segment) {
  ASSIGN_OR_RETURN(const std::string bytes, files->Read(name));
  ASSIGN_OR_RETURN(Deletions deletions, Deletions::Parse(bytes));
  return segment->SetDeletions(std::move(deletions));
}

// As index.json says.
absl::Status OpenListed(IndexFiles* files, const IndexManifest& manifest,
                        const SegmentChoice& choice, Segments* segments) {
  for (size_t i = 0; i < manifest.segments.size(); ++i) {
    if (!choice.Has(i)) continue;
    ASSIGN_OR_RETURN(segments->emplace_back(), OpenSegment(files, manifest.segments[i]));
  }
  return absl::OkStatus();
}

// The output of a job: every part is a segment.
absl::Status OpenParts(IndexFiles* files, const std::vector<std::string>& parts,
                       const SegmentChoice& choice, IndexManifest* manifest, Segments* segments) {
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    absl::StatusOr<std::unique_ptr<Segment>> segment = OpenSegment(files, {part, "", 0});
    // When the first one is no segment, the job has most likely made something else.
    if (absl::IsDataLoss(segment.status()) && i == 0) {
      return DataLossError("{}: is no search index, or is damaged: {}. {}", NameOf(files),
                           Message(segment.status()), kHowToMakeOne);
    }
    RETURN_IF_ERROR(segment.status());
    RETURN_IF_ERROR(
        Annotate(AddSegment(part, (*segment)->meta(), manifest), files->Describe(part)));
    // Numbers are those in the manifest.
    if ((*segment)->documents() == 0 || !choice.Has(manifest->segments.size() - 1)) continue;
    segments->push_back(*std::move(segment));
  }
  return absl::OkStatus();
}

// Takes out of the manifest what is not served here.
IndexPart TakePart(const SegmentChoice& choice, IndexManifest* manifest) {
  IndexPart part{.manifest_hash = Hash64(FormatIndexManifest(*manifest)),
                 .all_segments = static_cast<uint32_t>(manifest->segments.size()),
                 .segments = {}};
  std::vector<IndexSegment> served;
  for (uint32_t i = 0; i < part.all_segments; ++i) {
    if (!choice.Has(i)) continue;
    part.segments.push_back(i);
    served.push_back(std::move(manifest->segments[i]));
  }
  manifest->segments = std::move(served);
  return part;
}

// The name of the index's manifest.
struct Found {
  std::string_view name;
  std::string identity;
  bool operator==(const Found&) const = default;
};
absl::StatusOr<Found> FindManifest(IndexFiles* files, const std::string& dir = "") {
  for (const std::string_view name : {kIndexManifestName, kJobManifestName}) {
    absl::StatusOr<std::string> identity = files->Identity(dir + std::string(name));
    if (identity.ok()) return Found{name, *std::move(identity)};
    if (!absl::IsNotFound(identity.status())) return identity.status();
  }
  return NotFoundError("{}: is no search index. {}", NameOf(files, dir), kHowToMakeOne);
}

absl::StatusOr<std::shared_ptr<const SearchIndex>> OpenFound(IndexFiles* files, const Found& found,
                                                             const SegmentChoice& choice) {
  const std::string path = files->Describe(found.name);
  const absl::StatusOr<std::string> json = files->Read(found.name);
  RETURN_IF_ERROR(Annotate(json.status(), path));
  IndexManifest manifest;
  Segments segments;
  if (found.name == kIndexManifestName) {
    auto parsed = ParseIndexManifest(*json);
    RETURN_IF_ERROR(Annotate(parsed.status(), path));
    manifest = *std::move(parsed);
    RETURN_IF_ERROR(OpenListed(files, manifest, choice, &segments));
  } else {
    const auto parts = ParseJobParts(*json);
    RETURN_IF_ERROR(Annotate(parts.status(), path));
    RETURN_IF_ERROR(OpenParts(files, *parts, choice, &manifest, &segments));
  }
  // All is mapped: others need not wait for what is worked out from it.
  files->Release();
  IndexPart part = TakePart(choice, &manifest);
  ASSIGN_OR_RETURN(auto index,
                   SearchIndex::Create(std::move(manifest), std::move(segments), std::move(part)));
  return index;
}

std::vector<std::string> NamesOf(const IndexManifest& manifest) {
  std::vector<std::string> names;
  for (const IndexSegment& segment : manifest.segments) names.push_back(segment.file);
  return names;
}

}  // namespace

absl::StatusOr<std::string> IndexIdentity(IndexFiles* files, const std::string& dir) {
  ASSIGN_OR_RETURN(const Found found, FindManifest(files, dir));
  return fmt::format("{} {}", found.name, found.identity);
}

absl::StatusOr<std::shared_ptr<const SearchIndex>> OpenIndex(IndexFiles* files,
                                                             const SegmentChoice& choice) {
  absl::Status changed;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const Found found, FindManifest(files));
    auto index = OpenFound(files, found, choice);
    // Of an index that was replaced meanwhile there may be old files and new ones.
    const absl::StatusOr<Found> now = FindManifest(files);
    if (now.ok() && *now == found) {
      index.ok() ? files->Keep(NamesOf((*index)->manifest())) : files->Release();
      return index;
    }
    files->Release();
    changed = now.ok() ? UnavailableError(
                             "{}: was replaced again and again while it was opened. "
                             "Try: again",
                             files->Describe(found.name))
                       : now.status();
  }
  return changed;
}

absl::StatusOr<std::unique_ptr<Segment>> OpenSegment(IndexFiles* files,
                                                     const IndexSegment& listed) {
  auto segment = FetchSegment(files, listed.file);
  RETURN_IF_ERROR(Annotate(segment.status(), files->Describe(listed.file)));
  if (!listed.deletions.empty()) {
    RETURN_IF_ERROR(Annotate(TakeDeletions(files, listed.deletions, segment->get()),
                             files->Describe(listed.deletions)));
  }
  return segment;
}

}  // namespace quern::search
