// Answers a query from the postings of its terms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::inverted {

// Where a term stands: document -> positions, in increasing order. A document is its name and, when
// the input chose the name, a tab and the tag of the record: two records of one name are two.
using Postings = std::map<std::string, std::vector<uint32_t>>;

// One term of a query, as the inverted-index job cuts them.
struct QueryTerm {
  std::string text;
  // It must stand directly behind the term before it: they are one word of a script without blanks.
  bool joined = false;
  bool operator==(const QueryTerm&) const = default;
};
std::vector<QueryTerm> QueryTerms(std::string_view query);

// Adds a line of the index after its term: document<TAB>position,position,...[<TAB>record].
// Lines of one document may come in any order, and twice. DataLoss when it is not of that form.
absl::Status AddPosting(std::string_view line, Postings* postings);
// FailedPrecondition for the first line of what is no such index: no answer from there would mean
// that a word is in no document.
absl::Status CheckFirstLine(std::string_view line);

struct Hit {
  std::string document;
  uint64_t occurrences = 0;  // of all terms, or of the phrase
};

// Documents that hold every term, most occurrences first, then by name. With `phrase` the terms
// must stand one after another in their order. `postings` of each term of the query.
std::vector<Hit> Match(const std::vector<QueryTerm>& query, const std::vector<Postings>& postings,
                       bool phrase);

}  // namespace quern::inverted
