// Documents in which terms stand one after another, or nearly.
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/search/query/term_matcher.h"

namespace quern::search {

// Where one term of a phrase stands in a document.
struct PhrasePositions {
  uint32_t term = 0;                  // equal for places of the phrase that have the same word
  uint32_t offset = 0;                // of its place in the phrase
  std::vector<uint32_t> positions{};  // in order
};

// How often the phrase is there: beginnings v so that every term stands at v + its offset, or up to
// `slop` behind it, no two at one position. At most as often as its rarest term.
uint32_t CountPhrase(const std::vector<PhrasePositions>& terms, uint32_t slop);
// Without slop, term after term: leaves those of `starts` behind which the term stands at its
// place.
void KeepStarts(const PhrasePositions& term, std::vector<uint32_t>* starts);

class PhraseMatcher final : public Matcher {
 public:
  struct Term {
    PostingsCursor cursor;
    uint32_t offset = 0;  // in the phrase
    uint32_t number = 0;  // equal for equal words
    BlockBound bound{};
  };
  // `terms` are two at least.
  PhraseMatcher(std::vector<Term> terms, uint32_t slop, const TermScoring& scoring);

  uint32_t Advance(uint32_t target) override;
  bool Confirm() override;
  Score ScoreHere() override { return scoring_.Of(doc_, frequency_); }
  Score BoundHere() override { return scoring_.Of(doc_, LeastFrequency()); }
  Score BoundFrom(uint32_t target, uint32_t* last) override;
  uint64_t cost() const override { return terms_[0].cursor.document_frequency(); }

 private:
  void Align(uint32_t target);
  bool ConfirmExact();
  uint32_t LeastFrequency();

  std::vector<Term> terms_;  // the rarest first
  const uint32_t slop_;
  const TermScoring scoring_;
  uint32_t frequency_ = 0;
  std::vector<PhrasePositions> positions_;
  std::vector<uint32_t> starts_;  // where the phrase may begin
};

}  // namespace quern::search
