// Where a document's score comes from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/plan.h"
#include "jobs/search/query/search_index.h"

namespace quern::search {

// A line for each part of the plan that adds to the score of the document: what it adds and why.
absl::StatusOr<std::vector<std::string>> Explain(const SearchIndex& index, const Plan& plan,
                                                 size_t segment, uint32_t doc);

}  // namespace quern::search
