// The best documents of a list of terms, some of which may be required: MaxScore (Turtle and Flood,
// "Query Evaluation: Strategies and Optimizations", 1995) with the bounds of blocks (Ding and Suel,
// "Faster Top-k Document Retrieval Using Block-Max Indexes", 2011), window by window.
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/search/query/list_matchers.h"
#include "jobs/search/query/term_matcher.h"
#include "jobs/search/query/top_hits.h"

namespace quern::search {

struct ScoredTerm {
  PostingsCursor cursor;
  TermScoring scoring;
  bool required = false;  // where some are, documents without them do not count
};

// Documents that count: not deleted, on which all of `required` stand and none of `excluded`.
class Acceptor {
 public:
  // `excluded_bits`: documents that do not count either; one bit for each, or none at all.
  Acceptor(const Segment* segment, Matchers required, Matchers excluded,
           std::vector<uint64_t> excluded_bits)
      : segment_(segment),
        required_(std::move(required)),
        excluded_(std::move(excluded)),
        excluded_bits_(std::move(excluded_bits)) {}

  // Quickly, and in any order; false does not mean that it is accepted.
  bool Excludes(uint32_t doc) const {
    return !excluded_bits_.empty() && (excluded_bits_[doc / 64] >> (doc % 64) & 1) != 0;
  }

  // Then Accepts may be asked about documents in any order, again and again.
  bool TakesAnyOrder() const { return required_.empty() && excluded_.empty(); }

  // Besides Excludes; `doc` grows from call to call.
  bool Accepts(uint32_t doc) const {
    if (segment_->deleted(doc)) return false;
    for (const auto& one : required_) {
      if (!Matches(one.get(), doc)) return false;
    }
    for (const auto& one : excluded_) {
      if (Matches(one.get(), doc)) return false;
    }
    return true;
  }

 private:
  const Segment* const segment_;
  const Matchers required_;
  const Matchers excluded_;
  const std::vector<uint64_t> excluded_bits_;
};

// A document's place in the order of ids; `ranks` as IndexedSegment has them.
inline uint32_t RankOf(const std::vector<uint32_t>& ranks, uint32_t doc) {
  return ranks.empty() ? doc : ranks[doc];
}

// Used once, by one thread.
class MaxScore {
 public:
  MaxScore(std::vector<ScoredTerm> terms, const Acceptor& acceptor,
           const std::vector<uint32_t>& ranks, uint32_t documents, TopHits* hits);

  void Run();

 private:
  // Documents are looked at so many at a time; fewer where terms are required, since the bounds of
  // the others are those of the window.
  static constexpr uint32_t kWindow = 4096;
  static constexpr uint32_t kRequiredWindow = 1024;
  // Of the blocks of a term that is alone, one in so many is looked at ahead.
  static constexpr size_t kBlocksForOneAhead = 16;

  struct Block {
    uint32_t last = 0;
    Score bound = 0;
    bool here = false;  // it may have documents
  };
  struct Term {
    PostingsCursor cursor;
    TermScoring scoring;
    bool required = false;
    BlockBound block_bound{};
    // In the present window.
    std::vector<Block> blocks{};
    Score bound = 0;
    bool here = false;  // it may have documents
  };

  uint32_t NextWindow(uint32_t from) const;
  void BoundWindow(uint32_t begin, uint32_t end);
  size_t SplitTerms();
  void RunAlone();
  void RaiseFloor(const Term& term);
  void RunRequired();
  void AddUp(Term* term, uint32_t begin, uint32_t end);
  void ScoreBlock(Term* term, size_t count);
  void RunOne(Term* term, uint32_t end, size_t others);
  void RunWindow(uint32_t begin, uint32_t end, size_t first);
  void Offer(uint32_t doc, Score score, size_t others);

  std::vector<Term> terms_;
  std::vector<Term*> order_;  // by their bounds in the window
  std::vector<Score> sums_;   // sums_[i]: of the bounds of order_[0..i)
  const Acceptor& acceptor_;
  const std::vector<uint32_t>& ranks_;
  const uint32_t documents_;
  TopHits* const hits_;
  std::vector<Score> scores_;    // of the window
  std::vector<uint64_t> found_;  // its documents with a score, as bits
  bool has_required_ = false;
  alignas(16) float block_norms_[PostingsCursor::kBlockSize] = {};
  alignas(16) uint32_t block_frequencies_[PostingsCursor::kBlockSize] = {};
  alignas(16) Score block_scores_[PostingsCursor::kBlockSize] = {};
};

}  // namespace quern::search
