// Documents in which terms stand one after another, or nearly. Positions are read only of documents
// that would score enough if the rarest of the terms there stood in the phrase each time, and only
// as long as they may still do so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jobs/search/query/term_matcher.h"
#include "jobs/search/segment/find_from.h"

namespace quern::search {

// Where one term of a phrase stands in a document.
struct PhrasePositions {
  uint32_t term = 0;                  // equal for places of the phrase that have the same word
  uint32_t offset = 0;                // of its place in the phrase
  std::vector<uint32_t> positions{};  // in order
};

// How often the phrase is there: beginnings v so that every term stands at v + its offset, or up to
// `slop` behind it, no two at one position. At most as often as its rarest term.
uint32_t CountSloppyPhrase(const std::vector<PhrasePositions>& terms, uint32_t slop);

// Where a term stands in a document, read as far as somebody goes.
class PositionStream {
 public:
  // `cursor` stands on the document, and does not move meanwhile.
  PositionStream(PostingsCursor* cursor, uint32_t offset) : cursor_(cursor), offset_(offset) {}

  uint32_t offset() const { return offset_; }
  // The positions at hand from `target` on; empty at the end. Targets rise from call to call.
  std::span<const uint32_t> From(uint32_t target) {
    if (!started_) cursor_->StartPositions();
    if (!started_ || (!some_.empty() && some_.back() < target)) NextSome(target);
    started_ = true;
    at_ = FindFrom(some_.data(), at_, some_.size(), target);
    return some_.subspan(at_);
  }

 private:
  void NextSome(uint32_t target) {
    do {
      some_ = cursor_->NextPositions();
    } while (!some_.empty() && some_.back() < target);
    at_ = 0;
  }

  PostingsCursor* cursor_;
  uint32_t offset_;  // of its place in the phrase
  bool started_ = false;
  std::span<const uint32_t> some_{};
  size_t at_ = 0;
};

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
  bool Confirm() override { return ConfirmAbove(0); }
  bool ConfirmAbove(Score least) override;
  Score ScoreHere() override { return scoring_.Of(doc_, frequency_); }
  Score BoundHere() override { return scoring_.Of(doc_, LeastFrequency()); }
  Score BoundFrom(uint32_t target, uint32_t* last) override;
  uint64_t cost() const override { return terms_[0].cursor.document_frequency(); }

 private:
  void Align(uint32_t target);
  uint32_t CountExact(uint32_t wanted);
  uint32_t LeastFrequency();

  std::vector<Term> terms_;  // the rarest first
  const uint32_t slop_;
  const TermScoring scoring_;
  uint32_t frequency_ = 0;
  std::vector<PhrasePositions> positions_;  // with slop
  std::vector<PositionStream> streams_;     // without
};

}  // namespace quern::search
