#include "mapreduce/coordinator/service/chosen_results.h"

namespace quern::mr {

void ChosenResults::Set(uint32_t task, const v1::AttemptResult& result) {
  if (Has(task)) Count(Get(task), -1);
  Count(result, 1);
  results_[task] = result.SerializeAsString();
  // An empty message serializes to nothing, which Has would take for "not there".
  if (results_[task].empty()) results_[task] = std::string("\x20\x00", 2);  // output_bytes = 0
}

v1::AttemptResult ChosenResults::Get(uint32_t task) const {
  v1::AttemptResult result;
  result.ParseFromString(results_[task]);
  return result;
}

void ChosenResults::Count(const v1::AttemptResult& result, int sign) {
  for (const v1::Counter& counter : result.counters()) {
    counters_[{counter.group(), counter.name()}] += sign * counter.value();
  }
  // Unsigned wrap-around makes subtraction exact.
  output_bytes_ += static_cast<uint64_t>(sign) * result.output_bytes();
  shuffle_bytes_ += static_cast<uint64_t>(sign) * result.map_output().total_bytes();
}

}  // namespace quern::mr
