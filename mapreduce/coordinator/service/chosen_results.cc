#include "mapreduce/coordinator/service/chosen_results.h"

namespace quern::mr {

void ChosenResults::Set(uint32_t task, const pb::AttemptResult& result) {
  if (Has(task)) Count(Get(task), -1);
  Count(result, 1);
  results_[task] = result.SerializeAsString();
  // An empty message serializes to nothing, which Has would take for "not there".
  if (results_[task].empty()) results_[task] = std::string("\x20\x00", 2);  // output_bytes = 0
}

pb::AttemptResult ChosenResults::Get(uint32_t task) const {
  pb::AttemptResult result;
  result.ParseFromString(results_[task]);
  return result;
}

void ChosenResults::Count(const pb::AttemptResult& result, int sign) {
  for (const pb::Counter& counter : result.counters()) {
    const auto [it, added] = counters_.try_emplace({counter.group(), counter.name()}, 0);
    it->second += sign * counter.value();
    if (added) counter_name_bytes_ += counter.group().size() + counter.name().size();
  }
  // Unsigned wrap-around makes subtraction exact.
  output_bytes_ += static_cast<uint64_t>(sign) * result.output_bytes();
  shuffle_bytes_ += static_cast<uint64_t>(sign) * result.map_output().total_bytes();
}

absl::Status ChosenResults::CheckCounters() const {
  if (counters_.size() <= kMaxCounters && counter_name_bytes_ <= kMaxCounterNameBytes) {
    return absl::OkStatus();
  }
  return ResourceExhaustedError(
      "the tasks of this job have {} different counters, whose names have {} bytes; the limits are "
      "{} and {}. Try: fewer names (what differs by record belongs into the output)",
      counters_.size(), counter_name_bytes_, kMaxCounters, kMaxCounterNameBytes);
}

}  // namespace quern::mr
