// A segment of documents in memory: for tests, and for indexes that fit.
#pragma once

#include <string>
#include <vector>

#include "jobs/search/segment/indexed_document.h"
#include "jobs/search/segment/segment_meta.h"

namespace quern::search {

struct SegmentBuilderOptions {
  AnalysisSettings analysis;
  std::vector<std::string> fields = {"title", "body"};
  bool stored = true;
};

class SegmentBuilder {
 public:
  explicit SegmentBuilder(const SegmentBuilderOptions& options) : options_(options) {}

  void Add(const IndexedDocument& document) { documents_.push_back(document); }
  // The bytes of the segment, its documents in the order of URL (of id, without one), then id.
  std::string Finish();

 private:
  const SegmentBuilderOptions options_;
  std::vector<IndexedDocument> documents_;
};

}  // namespace quern::search
