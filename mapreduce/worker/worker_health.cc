#include "mapreduce/worker/worker_health.h"

#include <fmt/format.h>

#include <algorithm>

namespace quern::mr {

void WorkerHealth::Started() { *this = {}; }

void WorkerHealth::CouldNotStart(const std::string& reason, absl::Time now) {
  ++failures_;
  reason_ = reason;
  if (failures_ < kFailuresInARow) return;
  // Attempts that were under way fail one after another: they do not put the probe off.
  if (now < next_probe_ && next_probe_ != absl::InfiniteFuture()) return;
  next_probe_ = now + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

std::string WorkerHealth::unhealthy() const {
  if (failures_ < kFailuresInARow) return "";
  return fmt::format("could not start {} task processes in a row: {}", failures_, reason_);
}

}  // namespace quern::mr
