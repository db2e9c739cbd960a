#include "jobs/search/query/phrase_matcher.h"

#include <algorithm>

namespace quern::search {
namespace {

// One place of a sloppy phrase. Beginnings are tried in order, so it never looks back.
struct SloppyPlace {
  const PhrasePositions* term;
  size_t same;    // the last place before it that has the same word; its own number when none has
  size_t at = 0;  // of the first position that is not before the beginning + offset
  int64_t taken = 0;

  void GoTo(int64_t start) {
    const std::vector<uint32_t>& positions = term->positions;
    while (at < positions.size() && positions[at] < start + term->offset) ++at;
  }
};

std::vector<SloppyPlace> SloppyPlaces(const std::vector<PhrasePositions>& terms) {
  std::vector<SloppyPlace> places;
  for (const PhrasePositions& term : terms) places.push_back({&term, 0});
  std::sort(places.begin(), places.end(), [](const SloppyPlace& a, const SloppyPlace& b) {
    return a.term->offset < b.term->offset;
  });
  for (size_t i = 0; i < places.size(); ++i) {
    places[i].same = i;
    for (size_t j = 0; j < i; ++j) {
      if (places[j].term->term == places[i].term->term) places[i].same = j;
    }
  }
  return places;
}

// Whether every place has a position of its own from start + offset to slop behind it. Of the same
// word the earlier place takes the earliest position: their ranges are equally long, so no other
// choice fits more.
bool FitsFrom(int64_t start, uint32_t slop, std::vector<SloppyPlace>* places) {
  for (size_t i = 0; i < places->size(); ++i) {
    SloppyPlace& place = (*places)[i];
    const std::vector<uint32_t>& positions = place.term->positions;
    const int64_t first = start + place.term->offset;
    place.GoTo(start);
    size_t at = place.at;
    if (place.same != i) {
      const int64_t taken = (*places)[place.same].taken;
      while (at < positions.size() && positions[at] <= taken) ++at;
    }
    if (at == positions.size() || positions[at] > first + slop) return false;
    place.taken = positions[at];
  }
  return true;
}

// The first beginning that is not before `start`: a term stands at its place there. INT64_MAX when
// there is none.
int64_t NextStart(int64_t start, std::vector<SloppyPlace>* places) {
  int64_t next = INT64_MAX;
  for (SloppyPlace& place : *places) {
    place.GoTo(start);
    const std::vector<uint32_t>& positions = place.term->positions;
    if (place.at == positions.size()) continue;
    next = std::min(next, int64_t{positions[place.at]} - place.term->offset);
  }
  return next;
}

// The beginnings at which every term stands at its place. 0 as soon as they cannot be `wanted`
// any more: `lead`, which stands at `lead_offset`, has `frequency` positions.
uint32_t CountTogether(PostingsCursor* lead, uint32_t lead_offset, uint32_t wanted,
                       std::span<PositionStream> others) {
  const uint32_t spare = lead->frequency() - wanted;
  uint32_t missed = 0;
  uint32_t count = 0;
  lead->StartPositions();
  for (auto some = lead->NextPositions(); !some.empty(); some = lead->NextPositions()) {
    for (const uint32_t position : some) {
      bool together = position >= lead_offset;
      for (size_t i = 0; i < others.size() && together; ++i) {
        const uint64_t place = uint64_t{position} - lead_offset + others[i].offset();
        if (place > UINT32_MAX) return count;
        const auto found = others[i].From(static_cast<uint32_t>(place));
        if (found.empty()) return count;
        together = found.front() == place;
      }
      count += together;
      missed += !together;
      if (missed > spare) return 0;
    }
  }
  return count;
}

}  // namespace

// Every beginning stands within the slop before a position of the term that is there least often.
uint32_t CountSloppyPhrase(const std::vector<PhrasePositions>& terms, uint32_t slop) {
  const PhrasePositions& rarest = *std::min_element(
      terms.begin(), terms.end(), [](const PhrasePositions& a, const PhrasePositions& b) {
        return a.positions.size() < b.positions.size();
      });
  std::vector<SloppyPlace> places = SloppyPlaces(terms);
  size_t count = 0;
  int64_t start = INT64_MIN;
  for (const uint32_t position : rarest.positions) {
    const int64_t last = int64_t{position} - rarest.offset;
    start = NextStart(std::max(start, last - slop), &places);
    for (; start <= last; start = NextStart(start + 1, &places))
      count += FitsFrom(start, slop, &places);
    if (start == INT64_MAX) break;
  }
  return static_cast<uint32_t>(std::min(count, rarest.positions.size()));
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

uint32_t PhraseMatcher::CountExact(uint32_t wanted) {
  const auto lead = std::min_element(terms_.begin(), terms_.end(), [](Term& a, Term& b) {
    return a.cursor.frequency() < b.cursor.frequency();
  });
  if (lead->cursor.frequency() < wanted) return 0;
  streams_.clear();
  for (auto term = terms_.begin(); term != terms_.end(); ++term) {
    if (term != lead) streams_.emplace_back(&term->cursor, term->offset);
  }
  return CountTogether(&lead->cursor, lead->offset, wanted, streams_);
}

bool PhraseMatcher::ConfirmAbove(Score least) {
  const uint32_t wanted = std::max(1u, FrequencyFor(scoring_.weight, least, scoring_.norms[doc_]));
  if (slop_ == 0) {
    frequency_ = CountExact(wanted);
  } else if (LeastFrequency() < wanted) {
    frequency_ = 0;
  } else {
    for (size_t i = 0; i < terms_.size(); ++i) {
      terms_[i].cursor.Positions(&positions_[i].positions);
    }
    frequency_ = CountSloppyPhrase(positions_, slop_);
  }
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
