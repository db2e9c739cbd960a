// What scores need to know of the terms of a query in all segments of an index together. A machine
// that has all segments finds it in them; those that serve parts of an index each tell theirs, and
// plan with the sum, so that their scores are those of one index.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/fuzzy.h"
#include "jobs/search/query/search_index.h"

namespace quern::search {

// A word with ~, in one field of the index.
struct FuzzyWord {
  std::string text;
  uint32_t distance = 0;
  size_t field = 0;
  auto operator<=>(const FuzzyWord&) const = default;
};

struct QueryStatistics {
  // Field of the index and term -> documents that have it.
  std::map<std::pair<size_t, std::string>, uint64_t> frequencies;
  // Each term once.
  std::map<FuzzyWord, std::vector<FuzzyTerm>> near;

  // 0 for a term that is not there.
  uint64_t FrequencyOf(size_t field, std::string_view term) const;
};

// All terms of the index within the distance, in the order of their texts. Takes each that it looks
// at from `*may_look_at`; InvalidArgument when that is not enough.
absl::StatusOr<std::vector<FuzzyTerm>> FindNear(const SearchIndex& index, const FuzzyWord& word,
                                                uint64_t* may_look_at);
// The `most` best: the nearest, of those as near the most frequent, of those the first.
std::vector<FuzzyTerm> ChooseNear(std::vector<FuzzyTerm> terms, size_t most);
// Those that may be among the `most` best when more documents and terms are known: all that are as
// near as the last of the best.
std::vector<FuzzyTerm> KeepNear(std::vector<FuzzyTerm> terms, size_t most);

// Of several parts of an index. Chooses among near terms when all have been added, so that what is
// left is what a plan takes.
QueryStatistics AddUp(const std::vector<QueryStatistics>& parts);

}  // namespace quern::search
