// What a segment says of itself as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "jobs/search/analysis/analysis_settings.h"

namespace quern::search {

struct FieldMeta {
  std::string name;           // "title", "body"
  uint64_t total_length = 0;  // terms of all documents
};

struct SegmentMeta {
  uint32_t documents = 0;
  std::vector<FieldMeta> fields;
  AnalysisSettings analysis;
  bool has_stored = false;
  bool has_positions = true;
};

}  // namespace quern::search
