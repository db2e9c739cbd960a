// What the chosen attempts of one kind left behind, one entry per task.
//
// Entries are kept serialized: a message takes several times its encoded size, and a job may have
// 200,000 of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// Sums of counters by (group, name).
using CounterSums = std::map<std::pair<std::string, std::string>, int64_t>;

class ChosenResults {
 public:
  // Different counters of all tasks together, and bytes of their names.
  static constexpr size_t kMaxCounters = 10'000;
  static constexpr size_t kMaxCounterNameBytes = size_t{1} << 20;

  ChosenResults() = default;
  explicit ChosenResults(uint32_t tasks) : results_(tasks) {}

  // Replaces what the task had, also in the sums: an output that was lost and made again counts
  // once.
  void Set(uint32_t task, const pb::AttemptResult& result);
  size_t size() const { return results_.size(); }
  bool Has(uint32_t task) const { return !results_[task].empty(); }
  pb::AttemptResult Get(uint32_t task) const;

  const CounterSums& counters() const { return counters_; }
  // ResourceExhausted when there are too many of them to be shown.
  absl::Status CheckCounters() const;
  uint64_t output_bytes() const { return output_bytes_; }
  // Of the map outputs.
  uint64_t shuffle_bytes() const { return shuffle_bytes_; }

 private:
  void Count(const pb::AttemptResult& result, int sign);

  std::vector<std::string> results_;
  CounterSums counters_;
  size_t counter_name_bytes_ = 0;
  uint64_t output_bytes_ = 0;
  uint64_t shuffle_bytes_ = 0;
};

}  // namespace quern::mr
