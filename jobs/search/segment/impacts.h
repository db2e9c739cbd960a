// The impacts that bound a run of documents: those that no other one beats in both numbers.
#pragma once

#include <cstddef>
#include <vector>

#include "jobs/search/segment/term_info.h"

namespace quern::search {

// Keeps of `impacts` those that no other one has a higher frequency and a lower length than, from
// the highest frequency down. Above `limit` of them neighbours become one that bounds both, such
// that the bound of a score by BM25 rises as little as may be.
void KeepBest(size_t limit, std::vector<Impact>* impacts);

}  // namespace quern::search
