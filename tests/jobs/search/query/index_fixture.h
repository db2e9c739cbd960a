// Search indexes of a few documents, in memory, and the plain truth about them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/query/search_index.h"
#include "jobs/search/query/searcher.h"
#include "jobs/search/segment/segment_builder.h"

namespace quern::search {

struct TestIndexOptions {
  AnalysisSettings analysis{};
  bool stored = true;
  std::vector<std::string> fields = {"title", "body"};
};

// Owns the bytes of its segments.
class TestIndex {
 public:
  using Documents = std::vector<IndexedDocument>;
  // One segment for each list; documents whose ids are in `deleted` are.
  explicit TestIndex(const std::vector<Documents>& segments,
                     const std::vector<std::string>& deleted = {},
                     const TestIndexOptions& options = {});

  const SearchIndex& operator*() const { return *index_; }
  const SearchIndex* operator->() const { return index_.get(); }

  // The same index as a machine has it that serves these segments alone. Must not outlive this.
  std::unique_ptr<SearchIndex> Part(const std::vector<uint32_t>& segments,
                                    uint64_t generation = 1) const;

  // The ids and scores of the best k; fails the test on an error.
  std::vector<SearchHit> Hits(std::string_view query, size_t k = 10) const;
  std::vector<std::string> Ids(std::string_view query, size_t k = 10) const;

 private:
  std::unique_ptr<const Segment> Open(const std::string& bytes) const;

  std::vector<std::string> bytes_;
  std::vector<std::string> deleted_;
  std::unique_ptr<SearchIndex> index_;
};

}  // namespace quern::search
