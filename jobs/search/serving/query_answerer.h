// Whom queries are answered by: an index on this machine, or several machines that each have a part
// of one (part_front.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/status.h"
#include "jobs/search/serving/answer.h"
#include "jobs/search/serving/live_index.h"
#include "jobs/search/serving/work_pool.h"

namespace quern::search {

struct IndexSize {
  uint64_t documents = 0;
  size_t segments = 0;      // that are served
  size_t all_segments = 0;  // that the index has
  uint64_t generation = 0;  // changes of the index so far
};

// Thread-safe.
class QueryAnswerer {
 public:
  virtual ~QueryAnswerer() = default;
  // InvalidArgument when the query makes no sense; Unavailable when nobody answers.
  virtual absl::StatusOr<Answer> Ask(std::string_view query, size_t k, bool explain) = 0;
  // As far as it is known.
  virtual IndexSize Size() = 0;
};

// Both are borrowed.
class LocalAnswerer final : public QueryAnswerer {
 public:
  LocalAnswerer(const LiveIndex* index, WorkPool* pool) : index_(index), pool_(pool) {}

  absl::StatusOr<Answer> Ask(std::string_view query, size_t k, bool explain) override;
  IndexSize Size() override;
  // What a front asks (parts.proto): a PartRequest, answered by a PartAnswer.
  std::string AskPart(std::string_view request);

 private:
  RunAll OnPool() const;

  const LiveIndex* const index_;
  WorkPool* const pool_;
};

}  // namespace quern::search
