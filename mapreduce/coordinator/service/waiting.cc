#include "mapreduce/coordinator/service/waiting.h"

#include <fmt/format.h>

namespace quern::mr {
namespace {

std::string DescribeNoWorker(const WorkerRegistry& registry) {
  for (const auto& [key, worker] : registry.workers()) {
    if (worker.state != WorkerRegistry::State::kConnected) continue;
    if (worker.info.unhealthy.empty()) return "";  // it is being admitted
    return fmt::format("no worker takes tasks; {}: {}. Try: mr workers", worker.info.node,
                       worker.info.unhealthy);
  }
  return "no worker is there. Try: mr workers";
}

}  // namespace

std::string DescribeWait(const TrackerState& state, const Job& job, absl::Time now) {
  if (job.ended() || job.doomed != pb::JOB_STATE_UNSPECIFIED) return "";
  const IdleJob idle = state.scheduler.WhyIdle(job.key, now);
  switch (idle.why) {
    case IdleJob::Why::kNotIdle:
      return "";
    case IdleJob::Why::kNoWorker:
      return DescribeNoWorker(state.registry);
    case IdleJob::Why::kResting:
      return fmt::format("every worker rests, the first for another {}. Try: mr workers",
                         absl::FormatDuration(absl::Ceil(idle.until - now, absl::Seconds(1))));
    case IdleJob::Why::kBusy:
      return "other jobs have every slot. Try: mr list";
  }
  return "";
}

}  // namespace quern::mr
