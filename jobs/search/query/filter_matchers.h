// Matchers that score nothing, or every document the same.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/search/query/matcher.h"
#include "jobs/search/query/prefix_sets.h"

namespace quern::search {

// Documents of which a test says yes.
class FilterMatcher final : public Matcher {
 public:
  using Test = std::function<bool(uint32_t doc)>;
  FilterMatcher(uint32_t documents, Test test) : documents_(documents), test_(std::move(test)) {
    FilterMatcher::Advance(0);
  }

  uint32_t Advance(uint32_t target) override {
    return doc_ = target < documents_ ? target : kNoMoreDocuments;
  }
  bool Confirm() override { return test_(doc_); }
  Score BoundFrom(uint32_t, uint32_t* last) override { return *last = kNoMoreDocuments, 0; }
  uint64_t cost() const override { return documents_; }

 private:
  const uint32_t documents_;
  const Test test_;
};

// Documents of a set, each with the same score.
class SetMatcher final : public Matcher {
 public:
  SetMatcher(DocumentSetPtr set, Score score);

  uint32_t Advance(uint32_t target) override;
  Score ScoreHere() override { return score_; }
  Score BoundFrom(uint32_t, uint32_t* last) override { return *last = kNoMoreDocuments, score_; }
  uint64_t cost() const override { return set_->count; }

 private:
  const DocumentSetPtr set_;
  const Score score_;
};

// Whether a document's language is the wanted one: "zh" finds zh and zh-Hant, in any case.
bool LanguageMatches(std::string_view wanted, std::string_view language);

}  // namespace quern::search
