// Walks the documents of one segment that match a part of a plan.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/status.h"
#include "jobs/search/query/plan.h"
#include "jobs/search/query/prefix_sets.h"
#include "jobs/search/query/scoring.h"
#include "jobs/search/query/search_index.h"

namespace quern::search {

// Stands on a document that may match; whether it does, and what it scores, is worked out only when
// somebody asks. Used by one thread. A new one stands on its first document.
class Matcher {
 public:
  virtual ~Matcher() = default;

  // kNoMoreDocuments at the end.
  uint32_t doc() const { return doc_; }
  // To the first document that is not before `target`, never back; returns it.
  virtual uint32_t Advance(uint32_t target) = 0;
  // Whether doc() matches indeed.
  virtual bool Confirm() { return true; }
  // The same of a document that is of no use unless it scores `least`: one that scores less may be
  // refused, which is found out sooner.
  virtual bool ConfirmAbove(Score /*least*/) { return Confirm(); }
  // Of doc(), after Confirm has said yes.
  virtual Score ScoreHere() { return 0; }
  // No less than ScoreHere, without Confirm.
  virtual Score BoundHere() { return ScoreHere(); }
  // A score that no document from `target` (not before doc()) to *last reaches beyond.
  virtual Score BoundFrom(uint32_t target, uint32_t* last) = 0;
  // About how many documents it visits.
  virtual uint64_t cost() const = 0;

 protected:
  uint32_t doc_ = 0;
};

struct MatcherContext {
  const SearchIndex* index;
  size_t segment;        // its number in the index
  PrefixSets* prefixes;  // of the query in it

  const IndexedSegment& indexed() const { return *index->segments()[segment]; }
};

// InvalidArgument when prefixes stand for too many words of the segment.
absl::StatusOr<std::unique_ptr<Matcher>> MakeMatcher(const PlanNode& node,
                                                     const MatcherContext& context);
// Adds the documents of a frequent term to `bits`, one for each document of the segment, which are
// made when there are none: to read it as a whole costs less than to look for one document after
// another. False, and nothing is added, for anything else.
bool AddFrequentTerm(const PlanNode& node, const MatcherContext& context,
                     std::vector<uint64_t>* bits);

}  // namespace quern::search
