#include "mapreduce/engine/early_merge.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace quern::mr {
namespace {

// The largest of some neighbours may have so many times the bytes of an average one.
constexpr uint64_t kAlike = 4;

bool IsBuffered(const SortedRun& run) { return run.bytes > 0 && NeedsBuffer(run); }

// The last so many runs that need a buffer, on the way over all of them.
class Window {
 public:
  explicit Window(size_t count) : count_(count) {}
  void Clear() {
    runs_.clear();
    largest_.clear();
  }
  // `before`: bytes of all places before this one.
  void Add(size_t place, uint64_t before, uint64_t bytes) {
    if (full()) {
      if (largest_.front().place == runs_.front().place) largest_.pop_front();
      runs_.pop_front();
    }
    while (!largest_.empty() && largest_.back().bytes <= bytes) largest_.pop_back();
    runs_.push_back({place, before, bytes});
    largest_.push_back(runs_.back());
  }
  bool full() const { return runs_.size() == count_; }
  size_t begin() const { return runs_.front().place; }
  // With what lies between them.
  uint64_t bytes() const { return runs_.back().before + runs_.back().bytes - runs_.front().before; }
  bool alike() const { return largest_.front().bytes * count_ <= kAlike * bytes(); }

 private:
  struct Run {
    size_t place;
    uint64_t before;
    uint64_t bytes;
  };
  const size_t count_;
  std::deque<Run> runs_;
  std::deque<Run> largest_;  // those with no larger one behind them
};

}  // namespace

EarlyMerge::EarlyMerge(size_t runs, size_t fan_in)
    : fan_in_(fan_in), places_(runs), next_look_(2 * fan_in) {}

void EarlyMerge::Add(size_t place, SortedRun run) {
  if (IsBuffered(run)) ++buffered_;
  places_[place] = {std::move(run), true};
}

EarlyMerge::Range EarlyMerge::Cheapest(size_t count, bool alike) {
  Window window(count);
  uint64_t bytes = 0;
  uint64_t least = UINT64_MAX;
  Range cheapest;
  looked_at_ += places_.size();
  for (size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!place.here) window.Clear();
    const bool buffered = IsBuffered(place.run);
    if (buffered) window.Add(i, bytes, place.run.bytes);
    bytes += place.run.bytes;
    if (!buffered || !window.full() || window.bytes() >= least) continue;
    if (alike && !window.alike()) continue;
    least = window.bytes();
    cheapest = {window.begin(), i + 1};
  }
  return cheapest;
}

EarlyMerge::Range EarlyMerge::Choose() {
  // Maps that take long leave gaps.
  const size_t fewer = std::max<size_t>(2, fan_in_ / 2);
  for (const bool alike : {true, false}) {
    for (const size_t count : {fan_in_, fewer}) {
      if (const Range range = Cheapest(count, alike); range.end > 0) return range;
    }
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
  for (size_t i = merge.begin; i < merge.end; ++i) {
    if (IsBuffered(places_[i].run)) --buffered_;
    places_[i].run = {};
  }
  Add(merge.begin, std::move(merged));
}

std::vector<SortedRun> EarlyMerge::TakeRuns() {
  std::vector<SortedRun> runs;
  for (Place& place : places_) {
    if (place.run.bytes > 0) runs.push_back(std::move(place.run));
  }
  return runs;
}

}  // namespace quern::mr
