#include "mapreduce/task/map_output_feed.h"

#include <utility>

namespace quern::mr {

void MapOutputFeed::Add(const pb::MapOutput& output) {
  MutexLock lock(&mutex_);
  added_.push_back(output);
  if (wake_) wake_();
}

std::vector<pb::MapOutput> MapOutputFeed::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(added_, {});
}

absl::Status MapOutputFeed::ReportDamage(const SortedRun& run, const absl::Status& status) {
  if (status.code() != absl::StatusCode::kDataLoss || !run.map_task.has_value()) return status;
  Report(*run.map_task, run.attempt, std::string(Message(status)));
  return UnavailableError("output of map task {}: {}", *run.map_task, Message(status));
}

void MapOutputFeed::SetWake(std::function<void()> wake) {
  MutexLock lock(&mutex_);
  wake_ = std::move(wake);
}

}  // namespace quern::mr
