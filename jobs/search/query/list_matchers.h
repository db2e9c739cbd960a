// Matchers made of others: all of them, any of them, none of them.
#pragma once

#include <memory>
#include <vector>

#include "jobs/search/query/matcher.h"

namespace quern::search {

using Matchers = std::vector<std::unique_ptr<Matcher>>;

// Documents that match every one of `required`; `optional` ones add to their scores.
class AllOf final : public Matcher {
 public:
  // `required` is not empty.
  AllOf(Matchers required, Matchers optional);

  uint32_t Advance(uint32_t target) override;
  bool Confirm() override { return ConfirmAbove(0); }
  bool ConfirmAbove(Score least) override;
  Score ScoreHere() override;
  Score BoundHere() override;
  Score BoundFrom(uint32_t target, uint32_t* last) override;
  uint64_t cost() const override { return required_[0]->cost(); }

 private:
  void Align(uint32_t target);

  Matchers required_;  // the rarest first
  const Matchers optional_;
};

class AnyOf final : public Matcher {
 public:
  // `any` is not empty.
  explicit AnyOf(Matchers any);

  uint32_t Advance(uint32_t target) override;
  bool Confirm() override { return ConfirmAbove(0); }
  bool ConfirmAbove(Score least) override;
  Score ScoreHere() override;
  Score BoundHere() override;
  Score BoundFrom(uint32_t target, uint32_t* last) override;
  uint64_t cost() const override;

 private:
  void FindLeast();

  const Matchers any_;
  std::vector<bool> confirmed_;  // of those that stand on doc(), after Confirm
};

// Documents of `matcher` that match none of `excluded`.
class Except final : public Matcher {
 public:
  Except(std::unique_ptr<Matcher> matcher, Matchers excluded);

  uint32_t Advance(uint32_t target) override { return doc_ = matcher_->Advance(target); }
  bool Confirm() override;
  Score ScoreHere() override { return matcher_->ScoreHere(); }
  Score BoundHere() override { return matcher_->BoundHere(); }
  Score BoundFrom(uint32_t target, uint32_t* last) override {
    return matcher_->BoundFrom(target, last);
  }
  uint64_t cost() const override { return matcher_->cost(); }

 private:
  const std::unique_ptr<Matcher> matcher_;
  const Matchers excluded_;
};

// Whether the document matches; `doc` grows from call to call.
inline bool Matches(Matcher* matcher, uint32_t doc) {
  if (matcher->doc() < doc) matcher->Advance(doc);
  return matcher->doc() == doc && matcher->Confirm();
}

}  // namespace quern::search
