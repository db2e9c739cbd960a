// Where a document's score comes from.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/plan.h"
#include "jobs/search/query/search_index.h"
#include "jobs/search/query/searcher.h"

namespace quern::search {

// For each of the hits a line for each part of the plan that adds to its score: what it adds and
// why.
absl::StatusOr<std::vector<std::vector<std::string>>> Explain(const SearchIndex& index,
                                                              const Plan& plan,
                                                              const std::vector<SearchHit>& hits);

}  // namespace quern::search
