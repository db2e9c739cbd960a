// The documents of the prefixes of one query in one segment: each prefix is read once, however
// often the query has it, and all of them together within limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "jobs/search/segment/segment.h"

namespace quern::search {

// Documents as bits, one for each of the segment.
struct DocumentSet {
  std::vector<uint64_t> bits;
  uint64_t count = 0;
};
using DocumentSetPtr = std::shared_ptr<const DocumentSet>;

// About a second of one thread, and what a machine can spare for one query.
struct PrefixLimits {
  uint64_t max_terms_of_one = 100'000;
  uint64_t max_terms = 1'000'000;
  uint64_t max_postings = uint64_t{1} << 30;
  uint64_t max_bytes = uint64_t{256} << 20;
};

// Used by one thread, for one segment.
class PrefixSets {
 public:
  PrefixSets(const Segment& segment, const PrefixLimits& limits)
      : segment_(segment), limits_(limits) {}

  // InvalidArgument when it stands for too many words, or all so far are too much.
  absl::StatusOr<DocumentSetPtr> Of(FieldNumber field, const std::string& prefix);

 private:
  absl::StatusOr<DocumentSetPtr> Read(FieldNumber field, const std::string& prefix);

  const Segment& segment_;
  const PrefixLimits limits_;
  uint64_t terms_ = 0;
  uint64_t postings_ = 0;
  uint64_t bytes_ = 0;
  std::map<std::pair<FieldNumber, std::string>, DocumentSetPtr> sets_;
};

// Adds the documents of a term to bits that there are for all of the segment.
void AddDocuments(PostingsCursor cursor, std::vector<uint64_t>* bits);

}  // namespace quern::search
