// Answers a query from the postings of its terms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::search {

// Where a term stands: document -> positions, in increasing order.
using Postings = std::map<std::string, std::vector<uint32_t>>;

// Terms of a query, as the inverted-index job cuts them: runs of letters, digits and bytes above
// 127, in lower case.
std::vector<std::string> QueryTerms(std::string_view query);

// Adds a line of the index after its term: document<TAB>position,position,... DataLoss when it is
// not of that form.
absl::Status AddPosting(std::string_view line, Postings* postings);

struct Hit {
  std::string document;
  uint64_t occurrences = 0;  // of all terms, or of the phrase
};

// Documents that hold every term, most occurrences first, then by name. With `phrase` the terms
// must stand one after another in their order.
std::vector<Hit> Match(const std::vector<Postings>& terms, bool phrase);

}  // namespace quern::search
