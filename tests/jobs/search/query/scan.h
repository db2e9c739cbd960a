// Answers a query by looking at every document: no index, no bounds, no cursors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/query/search_index.h"
#include "jobs/search/query/searcher.h"
#include "jobs/search/segment/segment_builder.h"

namespace quern::search {

struct ScannedHit {
  std::string id;
  double score = 0;
};

// The best k of `documents` that are not `deleted`; statistics count deleted ones too.
std::vector<ScannedHit> Scan(const std::vector<IndexedDocument>& documents,
                             const std::vector<std::string>& deleted, std::string_view query,
                             size_t k, const AnalysisSettings& analysis = {});

}  // namespace quern::search
