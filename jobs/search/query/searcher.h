// Finds the best documents of an index for a plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/plan.h"
#include "jobs/search/query/prefix_sets.h"
#include "jobs/search/query/search_index.h"

namespace quern::search {

inline constexpr size_t kMaxHits = 10'000;

struct SearchHit {
  double score = 0;
  size_t segment = 0;  // its number in the index
  uint32_t doc = 0;    // in that segment
  std::string id;
};

// Calls work(0) to work(n - 1), some of them at once; returns when all have returned.
using RunAll = std::function<void(size_t n, const std::function<void(size_t)>& work)>;
void RunOneByOne(size_t n, const std::function<void(size_t)>& work);

// The higher score first, of equal ones the lower id. `k` <= kMaxHits. The segments are searched by
// `run_all`, and `limits` are those of each. InvalidArgument when the query's prefixes are beyond
// them.
absl::StatusOr<std::vector<SearchHit>> Search(const SearchIndex& index, const Plan& plan, size_t k,
                                              const RunAll& run_all = RunOneByOne,
                                              const PrefixLimits& limits = {});
// The query parsed and planned for the index; `all` as in MakePlan.
absl::StatusOr<Plan> PlanFor(const SearchIndex& index, std::string_view query,
                             const QueryStatistics* all = nullptr);
// What the segments of the index add to the statistics of the query.
absl::StatusOr<QueryStatistics> StatisticsFor(const SearchIndex& index, std::string_view query);

}  // namespace quern::search
