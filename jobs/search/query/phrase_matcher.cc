#include "jobs/search/query/phrase_matcher.h"

#include <algorithm>
#include <set>

namespace quern::search {
namespace {

// Whether every term has a position of its own from start + offset to slop behind it. Of the same
// word the earlier place takes the earliest position: their ranges are equally long, so no other
// choice fits more.
bool FitsFrom(const std::vector<const PhrasePositions*>& terms, int64_t start, uint32_t slop) {
  std::vector<std::pair<uint32_t, int64_t>> taken;  // term, first position that is free
  for (const PhrasePositions* term : terms) {
    int64_t from = start + term->offset;
    const int64_t last = from + slop;
    const auto same = std::find_if(taken.begin(), taken.end(),
                                   [&](const auto& one) { return one.first == term->term; });
    if (same != taken.end()) from = std::max(from, same->second);
    const uint32_t wanted = static_cast<uint32_t>(std::max<int64_t>(from, 0));
    const auto found = std::lower_bound(term->positions.begin(), term->positions.end(), wanted);
    if (found == term->positions.end() || *found > last) return false;
    if (same != taken.end()) {
      same->second = int64_t{*found} + 1;
    } else {
      taken.emplace_back(term->term, int64_t{*found} + 1);
    }
  }
  return true;
}

uint32_t CountSloppy(const std::vector<PhrasePositions>& terms, uint32_t slop) {
  std::vector<const PhrasePositions*> by_offset;
  std::set<int64_t> starts;
  size_t least = SIZE_MAX;
  for (const PhrasePositions& term : terms) {
    by_offset.push_back(&term);
    least = std::min(least, term.positions.size());
    for (const uint32_t position : term.positions) {
      starts.insert(int64_t{position} - term.offset);
    }
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  const auto count = std::count_if(starts.begin(), starts.end(),
                                   [&](int64_t start) { return FitsFrom(by_offset, start, slop); });
  return static_cast<uint32_t>(std::min<size_t>(static_cast<size_t>(count), least));
}

}  // namespace

void KeepStarts(const PhrasePositions& term, std::vector<uint32_t>* starts) {
  size_t kept = 0;
  auto at = term.positions.begin();
  for (const uint32_t start : *starts) {
    while (at != term.positions.end() && *at < start + term.offset) ++at;
    if (at == term.positions.end()) break;
    if (*at == start + term.offset) (*starts)[kept++] = start;
  }
  starts->resize(kept);
}

uint32_t CountPhrase(const std::vector<PhrasePositions>& terms, uint32_t slop) {
  if (slop > 0) return CountSloppy(terms, slop);
  std::vector<uint32_t> starts;
  for (const uint32_t position : terms[0].positions) {
    if (position >= terms[0].offset) starts.push_back(position - terms[0].offset);
  }
  for (size_t i = 1; i < terms.size(); ++i) KeepStarts(terms[i], &starts);
  return static_cast<uint32_t>(starts.size());
}

PhraseMatcher::PhraseMatcher(std::vector<Term> terms, uint32_t slop, const TermScoring& scoring)
    : terms_(std::move(terms)), slop_(slop), scoring_(scoring) {
  std::stable_sort(terms_.begin(), terms_.end(), [](const Term& a, const Term& b) {
    return a.cursor.document_frequency() < b.cursor.document_frequency();
  });
  for (const Term& term : terms_) {
    positions_.push_back({.term = term.number, .offset = term.offset});
  }
  Align(0);
}

uint32_t PhraseMatcher::Advance(uint32_t target) {
  if (target > doc_) Align(target);
  return doc_;
}

void PhraseMatcher::Align(uint32_t target) {
  uint32_t doc = terms_[0].cursor.Advance(target);
  for (size_t i = 1; i < terms_.size() && doc != kNoMoreDocuments;) {
    const uint32_t other = terms_[i].cursor.Advance(doc);
    if (other == doc) {
      ++i;
    } else {
      doc = terms_[0].cursor.Advance(other);
      i = 1;
    }
  }
  doc_ = doc;
}

uint32_t PhraseMatcher::LeastFrequency() {
  uint32_t least = UINT32_MAX;
  for (Term& term : terms_) least = std::min(least, term.cursor.frequency());
  return least;
}

// Reads positions of the frequent words only where the rarer ones stand as they should.
bool PhraseMatcher::ConfirmExact() {
  starts_.clear();
  for (size_t i = 0; i < terms_.size(); ++i) {
    terms_[i].cursor.Positions(&positions_[i].positions);
    if (i > 0) {
      KeepStarts(positions_[i], &starts_);
    } else {
      for (const uint32_t position : positions_[0].positions) {
        if (position >= positions_[0].offset) starts_.push_back(position - positions_[0].offset);
      }
    }
    if (starts_.empty()) return false;
  }
  frequency_ = static_cast<uint32_t>(starts_.size());
  return true;
}

bool PhraseMatcher::Confirm() {
  if (slop_ == 0) return ConfirmExact();
  for (size_t i = 0; i < terms_.size(); ++i) {
    terms_[i].cursor.Positions(&positions_[i].positions);
  }
  frequency_ = CountPhrase(positions_, slop_);
  return frequency_ > 0;
}

Score PhraseMatcher::BoundFrom(uint32_t target, uint32_t* last) {
  Score bound = INT32_MAX;
  *last = kNoMoreDocuments;
  for (Term& term : terms_) {
    uint32_t block_last = 0;
    bound = std::min(bound, term.bound.From(&term.cursor, scoring_, target, &block_last));
    *last = std::min(*last, block_last);
  }
  return bound;
}

}  // namespace quern::search
