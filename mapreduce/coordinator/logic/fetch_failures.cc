#include "mapreduce/coordinator/logic/fetch_failures.h"

#include <algorithm>

namespace quern::mr {

FetchFailures::Verdict FetchFailures::Add(const Report& report) {
  Output& output = outputs_[report.map_task];
  if (output.attempt != report.map_attempt) output = {report.map_attempt, {}, {}};
  ++output.reports[report.reduce_task];
  output.reducers.insert(report.reducer);
  by_holder_[report.holder].insert(report.reducer);
  by_reducer_[report.reducer].insert(report.holder);
  if (IsReducerCutOff(report)) {
    ForgetReducer(report.reducer);
    return Verdict::kReducerCutOff;
  }
  if (!IsBelieved(output, report)) return Verdict::kWait;
  outputs_.erase(report.map_task);
  std::set<uint32_t>& given_up = given_up_[report.holder];
  given_up.insert(report.map_task);
  if (given_up.size() < kOutputsOfHolder) return Verdict::kOutputLost;
  given_up_.erase(report.holder);
  by_holder_.erase(report.holder);
  return Verdict::kHolderCutOff;
}

// Several holders, none of which anybody else complains about; somebody else has to reduce too, or
// nobody could tell who is at fault.
bool FetchFailures::IsReducerCutOff(const Report& report) const {
  const std::set<WorkerKey>& holders = by_reducer_.at(report.reducer);
  if (report.reducing_workers < 2 || holders.size() < kHoldersOfReducer) return false;
  return std::all_of(holders.begin(), holders.end(), [this](WorkerKey holder) {
    const auto it = by_holder_.find(holder);
    return it == by_holder_.end() || it->second.size() <= 1;
  });
}

bool FetchFailures::IsBelieved(const Output& output, const Report& report) const {
  return output.reducers.size() >= 2 || report.reducing_workers <= 1 ||
         output.reports.at(report.reduce_task) >= kReportsOfOne;
}

void FetchFailures::ForgetReducer(WorkerKey reducer) {
  for (const WorkerKey holder : by_reducer_[reducer]) by_holder_[holder].erase(reducer);
  by_reducer_.erase(reducer);
  std::erase_if(outputs_, [&](auto& entry) {
    return entry.second.reducers.contains(reducer) && entry.second.reducers.size() == 1;
  });
}

}  // namespace quern::mr
