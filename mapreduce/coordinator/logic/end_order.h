// The order in which jobs, or pipelines, have ended: the first to be forgotten are those that ended
// first, and the one that ends at this moment is never among them, however long it ran.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

class EndOrder {
 public:
  struct End {
    JobKey key;
    int64_t finished_ms = 0;
  };

  bool Has(JobKey key) const { return numbers_.contains(key); }
  // All that are new. Those of one call, as at a start, come in the order of their times; a later
  // call comes after an earlier one, whatever the clock has done meanwhile.
  void Add(std::vector<End> ends) {
    std::sort(ends.begin(), ends.end(), [](const End& a, const End& b) {
      return std::pair(a.finished_ms, a.key) < std::pair(b.finished_ms, b.key);
    });
    for (const End& end : ends) {
      if (!numbers_.emplace(end.key, next_).second) continue;
      keys_.emplace(next_++, end.key);
    }
  }
  void Remove(JobKey key) {
    const auto it = numbers_.find(key);
    if (it == numbers_.end()) return;
    keys_.erase(it->second);
    numbers_.erase(it);
  }
  // By number: the first to end comes first.
  const std::map<uint64_t, JobKey>& keys() const { return keys_; }

 private:
  uint64_t next_ = 0;
  std::map<JobKey, uint64_t> numbers_;
  std::map<uint64_t, JobKey> keys_;
};

}  // namespace quern::mr
