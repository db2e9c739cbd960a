#include "jobs/search/query/list_matchers.h"

#include <algorithm>
#include <utility>

namespace quern::search {

AllOf::AllOf(Matchers required, Matchers optional)
    : required_(std::move(required)), optional_(std::move(optional)) {
  std::stable_sort(required_.begin(), required_.end(),
                   [](const auto& a, const auto& b) { return a->cost() < b->cost(); });
  Align(0);
}

uint32_t AllOf::Advance(uint32_t target) {
  if (target > doc_) Align(target);
  return doc_;
}

void AllOf::Align(uint32_t target) {
  Matcher* const first = required_[0].get();
  uint32_t doc = first->doc() < target ? first->Advance(target) : first->doc();
  for (size_t i = 1; i < required_.size() && doc != kNoMoreDocuments;) {
    Matcher* const other = required_[i].get();
    if (other->doc() < doc) other->Advance(doc);
    if (other->doc() == doc) {
      ++i;
    } else {
      doc = first->Advance(other->doc());
      i = 1;
    }
  }
  doc_ = doc;
}

bool AllOf::ConfirmAbove(Score least) {
  // What the others may add each one may be short of.
  const Score spare = least > 0 ? BoundHere() - least : 0;
  if (spare < 0) return false;
  return std::all_of(required_.begin(), required_.end(), [&](const auto& one) {
    return least > 0 ? one->ConfirmAbove(one->BoundHere() - spare) : one->Confirm();
  });
}

Score AllOf::ScoreHere() {
  Score score = 0;
  for (const auto& one : required_) score += one->ScoreHere();
  for (const auto& one : optional_) {
    if (Matches(one.get(), doc_)) score += one->ScoreHere();
  }
  return score;
}

Score AllOf::BoundHere() {
  Score bound = 0;
  for (const auto& one : required_) bound += one->BoundHere();
  for (const auto& one : optional_) {
    if (one->doc() < doc_) one->Advance(doc_);
    if (one->doc() == doc_) bound += one->BoundHere();
  }
  return bound;
}

Score AllOf::BoundFrom(uint32_t target, uint32_t* last) {
  Score bound = 0;
  *last = kNoMoreDocuments;
  const auto add = [&](Matcher* one) {
    uint32_t block_last = 0;
    bound += one->BoundFrom(std::max(target, one->doc()), &block_last);
    *last = std::min(*last, block_last);
  };
  for (const auto& one : required_) add(one.get());
  for (const auto& one : optional_) add(one.get());
  return bound;
}

AnyOf::AnyOf(Matchers any) : any_(std::move(any)), confirmed_(any_.size()) { FindLeast(); }

void AnyOf::FindLeast() {
  doc_ = kNoMoreDocuments;
  for (const auto& one : any_) doc_ = std::min(doc_, one->doc());
}

uint32_t AnyOf::Advance(uint32_t target) {
  if (target <= doc_) return doc_;
  for (const auto& one : any_) {
    if (one->doc() < target) one->Advance(target);
  }
  FindLeast();
  return doc_;
}

bool AnyOf::ConfirmAbove(Score least) {
  // What all together may score beyond `least`.
  Score spare = least > 0 ? BoundHere() - least : 0;
  bool found = false;
  for (size_t i = 0; i < any_.size(); ++i) {
    confirmed_[i] = false;
    if (any_[i]->doc() != doc_) continue;
    if (least <= 0) {
      confirmed_[i] = any_[i]->Confirm();
    } else {
      const Score bound = any_[i]->BoundHere();
      confirmed_[i] = any_[i]->ConfirmAbove(bound - spare);
      if (!confirmed_[i] && bound > spare) return false;
      spare -= bound - (confirmed_[i] ? any_[i]->ScoreHere() : 0);
      if (spare < 0) return false;
    }
    found |= confirmed_[i];
  }
  return found;
}

Score AnyOf::ScoreHere() {
  Score score = 0;
  for (size_t i = 0; i < any_.size(); ++i) {
    if (confirmed_[i]) score += any_[i]->ScoreHere();
  }
  return score;
}

Score AnyOf::BoundHere() {
  Score bound = 0;
  for (const auto& one : any_) {
    if (one->doc() == doc_) bound += one->BoundHere();
  }
  return bound;
}

Score AnyOf::BoundFrom(uint32_t target, uint32_t* last) {
  Score bound = 0;
  *last = kNoMoreDocuments;
  for (const auto& one : any_) {
    uint32_t block_last = 0;
    bound += one->BoundFrom(std::max(target, one->doc()), &block_last);
    *last = std::min(*last, block_last);
  }
  return bound;
}

uint64_t AnyOf::cost() const {
  uint64_t sum = 0;
  for (const auto& one : any_) sum += one->cost();
  return sum;
}

Except::Except(std::unique_ptr<Matcher> matcher, Matchers excluded)
    : matcher_(std::move(matcher)), excluded_(std::move(excluded)) {
  doc_ = matcher_->doc();
}

bool Except::Confirm() {
  return std::none_of(excluded_.begin(), excluded_.end(),
                      [&](const auto& one) { return Matches(one.get(), doc_); }) &&
         matcher_->Confirm();
}

}  // namespace quern::search
