// Documents of one term.
#pragma once

#include <cstddef>

#include "jobs/search/query/matcher.h"

namespace quern::search {

// What BM25 needs of one field of one segment, and a weight.
struct TermScoring {
  float weight = 0;              // on the grid
  const float* norms = nullptr;  // of each document
  double average_length = 0;

  Score Of(uint32_t doc, uint32_t frequency) const {
    return ScorePart(weight, frequency, norms[doc]);
  }
  Score Of(const Impact& impact) const {
    return ScorePart(weight, impact.frequency, InverseNorm(impact.length, average_length));
  }
};

// Bounds of a cursor's blocks, each worked out once.
class BlockBound {
 public:
  // As Matcher::BoundFrom; `cursor` is the same one at each call.
  Score From(PostingsCursor* cursor, const TermScoring& scoring, uint32_t target, uint32_t* last) {
    if (!known_ || target > last_) {
      last_ = cursor->AdvanceBlock(target);
      bound_ = last_ == kNoMoreDocuments ? 0 : OfBlock(*cursor, scoring);
      known_ = true;
    }
    *last = last_;
    return bound_;
  }

 private:
  static Score OfBlock(PostingsCursor& cursor, const TermScoring& scoring) {
    std::array<Impact, PostingsCursor::kMaxImpacts> impacts;
    const size_t count = cursor.block_impacts(&impacts);
    Score bound = 0;
    for (size_t i = 0; i < count; ++i) bound = std::max(bound, scoring.Of(impacts[i]));
    return bound;
  }

  bool known_ = false;
  uint32_t last_ = 0;
  Score bound_ = 0;
};

class TermMatcher final : public Matcher {
 public:
  TermMatcher(const PostingsCursor& cursor, const TermScoring& scoring)
      : cursor_(cursor), scoring_(scoring) {
    doc_ = cursor_.doc();
  }

  uint32_t Advance(uint32_t target) override { return doc_ = cursor_.Advance(target); }
  Score ScoreHere() override { return scoring_.Of(doc_, cursor_.frequency()); }
  Score BoundFrom(uint32_t target, uint32_t* last) override {
    return bound_.From(&cursor_, scoring_, target, last);
  }
  uint64_t cost() const override { return cursor_.document_frequency(); }

 private:
  PostingsCursor cursor_;
  const TermScoring scoring_;
  BlockBound bound_;
};

}  // namespace quern::search
