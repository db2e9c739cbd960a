// index.json: which segments make an index, and the statistics that scores need of all of them.
//
// An index that a job has just made has none: its segments are the parts of the job's own manifest,
// which appears with them or not at all, and their metas say the rest. The file comes with the
// first change: more segments, fewer, deletions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "jobs/search/segment/segment_meta.h"

namespace quern::search {

inline constexpr std::string_view kIndexManifestName = "index.json";
inline constexpr std::string_view kJobManifestName = "_MANIFEST.json";

struct IndexSegment {
  std::string file;       // relative to the directory of index.json
  std::string deletions;  // the same; empty when nothing is deleted
  uint32_t documents = 0;
};

// A reader takes it whole or not at all: it is only ever replaced by a rename. Its document counts
// and lengths include deleted documents, as document frequencies do, until segments are merged.
struct IndexManifest {
  uint64_t generation = 1;  // goes up with each change
  uint64_t documents = 0;
  std::vector<FieldMeta> fields;
  AnalysisSettings analysis;
  std::optional<bool> stored;  // its segments hold texts; nothing: index.json does not say it
  std::vector<IndexSegment> segments;
  // When another index has these segments, what this one is called there: only that one changes
  // from then on, since each change removes files.
  std::string part_of;
};

// A file of the index or of a directory in it: a path as "new/part-r-00000" and in no other form,
// so that equal files have equal names, and none lies elsewhere.
bool IsIndexName(std::string_view name);

// DataLoss when it is none. Names of files come in the form that IsIndexName takes; one that leads
// out of the index is refused, and named.
absl::StatusOr<IndexManifest> ParseIndexManifest(std::string_view json);
std::string FormatIndexManifest(const IndexManifest& manifest);

// The files of a job's output, from its manifest. DataLoss when it is none.
absl::StatusOr<std::vector<std::string>> ParseJobParts(std::string_view json);
// Adds a segment. One without documents, as a job of few of them makes, is not listed: it would be
// opened and shown for nothing. FailedPrecondition when its fields or its analysis are not those of
// the others, or it holds texts and they do not, or the other way round.
absl::Status AddSegment(const std::string& file, const SegmentMeta& meta, IndexManifest* manifest);
// The same of all segments of another index, whose names lie in `dir`: it is empty or ends with a
// slash. AlreadyExists when one of them is there already.
absl::Status AddIndex(const std::string& dir, const IndexManifest& other, IndexManifest* manifest);

}  // namespace quern::search
