// Queries over the lists of an index of words: what is asked for, and which documents have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/term_postings.h"

namespace quern::inverted {

struct QueryTerm {
  std::string text;
  // Counts the words of the query from 0.
  uint32_t position = 0;
  // Nothing stands between it and the term before it, as between the pairs of a Chinese word: they
  // have to stand so in documents too.
  bool joined = false;
  bool operator==(const QueryTerm&) const = default;
};

// Cut and folded as the job does it with documents.
std::vector<QueryTerm> QueryTerms(std::string_view query);

struct Hit {
  DocumentNumber document;
  uint64_t occurrences = 0;
};
struct Hits {
  // The documents with the most occurrences first, and of those with equally many the earlier ones.
  std::vector<Hit> best;
  // How many there are in all.
  uint64_t documents = 0;
};
struct MatchOptions {
  bool phrase = false;  // all terms must stand one after another
  size_t limit = 0;     // of `best`; 0 = all
};

// The documents that hold every term; `postings` are those of each. Reads them side by side: memory
// is that of one document and of the hits.
absl::StatusOr<Hits> Match(const std::vector<QueryTerm>& query, std::deque<TermPostings>* postings,
                           const MatchOptions& options);

}  // namespace quern::inverted
