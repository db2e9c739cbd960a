// An open index: its segments, and what scores need of all of them together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mutex.h"
#include "common/status.h"
#include "jobs/search/analysis/analyzer.h"
#include "jobs/search/segment/index_manifest.h"
#include "jobs/search/segment/segment.h"

namespace quern::search {

// One segment with the lengths of its documents as scoring wants them. Thread-safe.
class IndexedSegment {
 public:
  IndexedSegment(std::unique_ptr<const Segment> segment, const std::vector<double>& average_lengths,
                 const std::vector<std::string>& fields);

  const Segment& segment() const { return *segment_; }
  // Nothing when this segment does not have the index's field of that number.
  std::optional<FieldNumber> FieldOf(size_t index_field) const { return fields_[index_field]; }
  // InverseNorm of each document in an index's field that the segment has.
  const float* norms(size_t index_field) const { return norms_[index_field].data(); }
  // Places of the documents in the order of their ids. Nothing when that is the order that they are
  // in.
  const std::vector<uint32_t>& ranks() const { return ranks_; }

 private:
  void RankDocuments();

  const std::unique_ptr<const Segment> segment_;
  std::vector<std::optional<FieldNumber>> fields_;
  std::vector<std::vector<float>> norms_;
  std::vector<uint32_t> ranks_;
};

// Which segments of which index there are here.
struct IndexPart {
  uint64_t manifest_hash = 0;      // of the manifest with all segments
  uint32_t all_segments = 0;       // that it names
  std::vector<uint32_t> segments;  // numbers there of those that are here
  bool is_whole() const { return segments.size() == all_segments; }
};

// Thread-safe; does not change.
class SearchIndex {
 public:
  // `segments` in the order of the manifest, which names those that are here and has the statistics
  // of all. InvalidArgument when they do not fit it. `part`: without it, these are all.
  static absl::StatusOr<std::unique_ptr<SearchIndex>> Create(
      IndexManifest manifest, std::vector<std::unique_ptr<const Segment>> segments,
      std::optional<IndexPart> part = std::nullopt);

  const IndexManifest& manifest() const { return manifest_; }
  const IndexPart& part() const { return part_; }
  // Of all segments, also those that are elsewhere.
  uint64_t documents() const { return manifest_.documents; }
  // Names of the fields, numbered from 0.
  const std::vector<std::string>& fields() const { return fields_; }
  double average_length(size_t field) const { return average_lengths_[field]; }
  const std::vector<std::unique_ptr<IndexedSegment>>& segments() const { return segments_; }

  // An analyzer that nobody else uses until it is given back, which its end does.
  using AnalyzerPtr = std::unique_ptr<Analyzer, std::function<void(Analyzer*)>>;
  AnalyzerPtr BorrowAnalyzer() const;

 private:
  SearchIndex(IndexManifest manifest, IndexPart part);

  const IndexManifest manifest_;
  const IndexPart part_;
  std::vector<std::string> fields_;
  std::vector<double> average_lengths_;
  std::vector<std::unique_ptr<IndexedSegment>> segments_;
  mutable Mutex mutex_;
  mutable std::vector<std::unique_ptr<Analyzer>> analyzers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::search
