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
  // All of a table of jobs or pipelines that have ended and are new here. Those of one call, as at
  // a start, come in the order of their times; a later call comes after an earlier one, whatever
  // the clock has done meanwhile.
  template <typename Table>
  void AddFrom(const Table& table) {
    std::vector<std::pair<int64_t, JobKey>> ends;
    for (const auto& [key, one] : table) {
      if (!one->ended() || numbers_.contains(key)) continue;
      ends.emplace_back(one->final_status->finished_ms(), key);
    }
    std::sort(ends.begin(), ends.end());
    for (const auto& [finished_ms, key] : ends) {
      numbers_.emplace(key, next_);
      keys_.emplace(next_++, key);
    }
  }
  // Of two that AddFrom has seen.
  bool IsBefore(JobKey a, JobKey b) const { return numbers_.at(a) < numbers_.at(b); }
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
