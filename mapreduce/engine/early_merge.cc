#include "mapreduce/engine/early_merge.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace quern::mr {
namespace {

bool IsBuffered(const SortedRun& run) { return run.bytes > 0 && NeedsBuffer(run); }

}  // namespace

EarlyMerge::EarlyMerge(size_t runs, size_t fan_in)
    : fan_in_(fan_in), places_(runs), next_look_(2 * fan_in) {}

void EarlyMerge::Add(size_t place, SortedRun run) {
  if (IsBuffered(run)) ++buffered_;
  places_[place] = {std::move(run), true, 0};
}

EarlyMerge::Range EarlyMerge::FirstAlike(size_t count) {
  Range first;
  uint32_t least = UINT32_MAX;
  size_t begin = 0;
  size_t alike = 0;  // from there
  uint32_t merged = 0;
  looked_at_ += places_.size();
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!place.here) alike = 0;
    if (!IsBuffered(place.run)) continue;
    if (alike == 0 || place.merged != merged) {
      begin = i;
      alike = 0;
      merged = place.merged;
    }
    if (++alike != count || merged >= least) continue;
    least = merged;
    first = {begin, i + 1};
  }
  return first;
}

EarlyMerge::Range EarlyMerge::Cheapest(size_t count) {
  struct Candidate {
    size_t place;
    uint64_t before;  // bytes of all places before it
  };
  std::deque<Candidate> window;
  uint64_t bytes = 0;
  uint64_t least = UINT64_MAX;
  Range cheapest;
  looked_at_ += places_.size();
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!place.here) window.clear();
    if (IsBuffered(place.run)) window.push_back({i, bytes});
    if (window.size() > count) window.pop_front();
    bytes += place.run.bytes;
    if (window.size() < count || bytes - window.front().before >= least) continue;
    least = bytes - window.front().before;
    cheapest = {window.front().place, i + 1};
  }
  return cheapest;
}

EarlyMerge::Range EarlyMerge::Choose() {
  // Maps that take long leave gaps.
  const size_t fewer = std::max<size_t>(2, fan_in_ / 2);
  for (const size_t count : {fan_in_, fewer}) {
    if (const Range range = FirstAlike(count); range.end > 0) return range;
  }
  for (const size_t count : {fan_in_, fewer}) {
    if (const Range range = Cheapest(count); range.end > 0) return range;
  }
  return {};
}

std::optional<EarlyMerge::Merge> EarlyMerge::Next() {
  if (under_way_ || buffered_ < next_look_) return std::nullopt;
  const Range range = Choose();
  if (range.end == 0) {
    // Else every run that comes would be a reason to look through all of them.
    next_look_ = buffered_ + std::max<size_t>(1, fan_in_ / 2);
    return std::nullopt;
  }
  next_look_ = 2 * fan_in_;
  under_way_ = true;
  Merge merge{.begin = range.begin, .end = range.end, .runs = {}};
  for (size_t i = range.begin; i < range.end; ++i) {
    if (places_[i].run.bytes > 0) merge.runs.push_back(places_[i].run);
  }
  return merge;
}

void EarlyMerge::Done(const Merge& merge, SortedRun merged) {
  under_way_ = false;
  uint32_t most = 0;
  for (size_t i = merge.begin; i < merge.end; ++i) {
    if (IsBuffered(places_[i].run)) --buffered_;
    most = std::max(most, places_[i].merged);
    places_[i] = {.run = {}, .here = true, .merged = 0};
  }
  Add(merge.begin, std::move(merged));
  places_[merge.begin].merged = most + 1;
}

std::vector<SortedRun> EarlyMerge::TakeRuns() {
  std::vector<SortedRun> runs;
  for (Place& place : places_) {
    if (place.run.bytes > 0) runs.push_back(std::move(place.run));
  }
  return runs;
}

}  // namespace quern::mr
