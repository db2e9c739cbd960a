// Which runs of a reduce task to merge while others are still missing, so that its time of waiting
// is of use and few more are kept than can be merged at once.
//
// As at the end (merge_runs.h) only neighbours are merged, here those between which none is
// missing; so slow map tasks leave more runs. Those go together that have been merged equally
// often, so that nothing is merged again with every few that come, and the first of these: runs
// come roughly in their order, and a merge in the middle leaves few behind that wait for no others.
// Pure; the caller merges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "mapreduce/engine/run_reader.h"

namespace quern::mr {

// Used by one thread.
class EarlyMerge {
 public:
  // `fan_in` runs are merged at once; at least 2.
  EarlyMerge(size_t runs, size_t fan_in);

  // The run of a place has come. It may be empty.
  void Add(size_t place, SortedRun run);
  // Neighbours, in order, without what is empty between them.
  struct Merge {
    size_t begin = 0;  // places, `end` excluded
    size_t end = 0;
    std::vector<SortedRun> runs;
  };
  // What to merge now: something when at least twice the fan-in are here that need a buffer while
  // they are read, and nothing is under way.
  std::optional<Merge> Next();
  // `merged` is what Next has given.
  void Done(const Merge& merge, SortedRun merged);
  // What there is, in order, without what is empty.
  std::vector<SortedRun> TakeRuns();

  // Places looked at so far: what the choice of what to merge has cost.
  uint64_t looked_at() const { return looked_at_; }

 private:
  struct Place {
    SortedRun run;
    bool here = false;
    uint32_t merged = 0;  // so many times, as far as any of it
  };
  // Of places, `end` excluded; empty: there are none.
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  Range Choose();
  // The first neighbours of those that were merged least often, so many runs that need a buffer.
  Range FirstAlike(size_t count);
  // So many of any kind, those whose merge costs least.
  Range Cheapest(size_t count);

  const size_t fan_in_;
  std::vector<Place> places_;
  bool under_way_ = false;
  size_t buffered_ = 0;   // runs here that need a buffer
  size_t next_look_ = 0;  // when there are so many
  uint64_t looked_at_ = 0;
};

}  // namespace quern::mr
