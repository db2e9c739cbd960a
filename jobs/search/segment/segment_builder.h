// A segment of documents in memory: for tests, and for indexes that fit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/segment_meta.h"

namespace quern::search {

struct IndexedDocument {
  std::string id;
  std::string url;
  std::string title;
  std::string text;
  std::string language;
  std::string date;  // "2026-11-28", anything may follow
};

struct SegmentBuilderOptions {
  AnalysisSettings analysis;
  std::vector<std::string> fields = {"title", "body"};
  bool stored = true;
};

class SegmentBuilder {
 public:
  explicit SegmentBuilder(const SegmentBuilderOptions& options);
  ~SegmentBuilder();

  void Add(const IndexedDocument& document);
  // The bytes of the segment, its documents in the order of URL (or id, without one), then id.
  std::string Finish();

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace quern::search
