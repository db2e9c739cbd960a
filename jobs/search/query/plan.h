// A query made ready for one index: its words analysed, prefixes and fuzzy words expanded, weights
// worked out from the statistics of all segments together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/query_node.h"
#include "jobs/search/query/query_statistics.h"
#include "jobs/search/query/scoring.h"
#include "jobs/search/query/search_index.h"

namespace quern::search {

struct PlanTerm {
  std::string text;
  uint32_t offset = 0;                              // in its phrase
  uint64_t document_frequency = 0;                  // in all segments, of other machines too
  std::vector<std::optional<TermInfo>> segments{};  // of each segment of the index
};

struct PlanNode {
  enum class Kind : uint8_t {
    kNothing,  // stands for no condition: a word that analysis leaves out
    kNever,    // no document
    kAll,
    kTerm,
    kPhrase,
    kPrefix,
    kLanguage,
    kDate,
    kList,
  };

  Kind kind = Kind::kNothing;
  Occur occur = Occur::kShould;   // in the list that it is a part of; of a root without meaning
  size_t field = 0;               // of the index; of terms, phrases, prefixes
  std::vector<PlanTerm> terms{};  // one, or those of a phrase
  uint32_t slop = 0;              // of a phrase
  std::string text{};             // prefix or language
  std::optional<int32_t> first_day{};  // days since 1970-01-01
  std::optional<int32_t> last_day{};
  double weight = 0;      // the most that it adds to a score
  float grid_weight = 0;  // the same on the grid
  std::vector<PlanNode> clauses{};
  bool needs_a_wish = false;  // one kShould at least has to match
};

using PlanKind = PlanNode::Kind;

struct Plan {
  PlanNode root;
  ScoreScale scale;
};

struct PlanLimits {
  size_t max_terms = 1024;            // after analysis and expansion
  size_t max_fuzzy_terms = 50;        // that one fuzzy word becomes; the nearest and most frequent
  size_t max_fuzzy_characters = 100;  // of a fuzzy word: every term is held against it
  uint64_t max_looked_at = 20'000'000;  // terms of the index, for all fuzzy words: some seconds
  size_t max_sloppy_terms = 64;  // of a phrase with a distance: each place is looked at for each
};

// InvalidArgument when the query becomes too large. `all`: of all machines that serve parts of the
// index together; without, the index has all of its segments.
absl::StatusOr<Plan> MakePlan(const QueryNode& query, const SearchIndex& index,
                              const PlanLimits& limits = {}, const QueryStatistics* all = nullptr);
// What the segments of the index add to those statistics.
absl::StatusOr<QueryStatistics> CollectStatistics(const QueryNode& query, const SearchIndex& index,
                                                  const PlanLimits& limits = {});

// Adds nothing to a score.
bool ScoresNothing(const PlanNode& node);

// Its terms and weights, one line a node.
std::string ToString(const Plan& plan, const SearchIndex& index);

}  // namespace quern::search
