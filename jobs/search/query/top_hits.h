// The best k documents of one segment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "jobs/search/query/scoring.h"

namespace quern::search {

// The higher score first; of equal ones the lower rank, which is a document's place in the order of
// ids.
class TopHits {
 public:
  struct Hit {
    Score score = 0;
    uint32_t rank = 0;
    uint32_t doc = 0;
  };

  // `floor`: what scores less is of no use, as others have found enough that score more.
  // `documents_are_ranked`: they come in the order of their ranks.
  TopHits(size_t k, Score floor, bool documents_are_ranked)
      : k_(k), ranked_(documents_are_ranked), least_(k == 0 ? kNothing : floor) {}

  size_t k() const { return k_; }
  // Also what scores less than this is of no use from now on.
  void Raise(Score floor) { least_ = std::max(least_, floor); }

  // What a document must have to be added: those with less need not be looked at.
  Score least() const { return least_; }

  // `score` >= least().
  void Add(Score score, uint32_t rank, uint32_t doc) {
    const Hit hit = {score, rank, doc};
    if (hits_.size() < k_) {
      hits_.push_back(hit);
      std::push_heap(hits_.begin(), hits_.end(), Better);
    } else {
      if (!Better(hit, hits_.front())) return;
      std::pop_heap(hits_.begin(), hits_.end(), Better);
      hits_.back() = hit;
      std::push_heap(hits_.begin(), hits_.end(), Better);
    }
    // A later document of the same score does not come before it when they come by rank.
    if (hits_.size() == k_) least_ = std::max(least_, hits_.front().score + (ranked_ ? 1 : 0));
  }

  // Best first.
  std::vector<Hit> Take() {
    std::sort_heap(hits_.begin(), hits_.end(), Better);
    return std::move(hits_);
  }

 private:
  static constexpr Score kNothing = std::numeric_limits<Score>::max();

  static bool Better(const Hit& a, const Hit& b) {
    return a.score != b.score ? a.score > b.score : a.rank < b.rank;
  }

  const size_t k_;
  const bool ranked_;
  Score least_;
  std::vector<Hit> hits_;  // a heap whose front is the worst
};

}  // namespace quern::search
