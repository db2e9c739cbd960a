#include "mapreduce/coordinator/service/waiting.h"

#include <fmt/format.h>

#include "common/clean_text.h"
#include "mapreduce/coordinator/service/convert.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// Failures that are looked at: a list of jobs is to cost little.
constexpr size_t kNewestFailures = 20;
constexpr size_t kMaxCauseBytes = 500;

std::string Count(uint32_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// " in 12m30s"; nothing of what has only just begun.
std::string DescribeSince(absl::Time since, absl::Time now) {
  const absl::Duration time = absl::Trunc(now - since, absl::Seconds(1));
  return time <= absl::ZeroDuration() ? "" : " in " + absl::FormatDuration(time);
}

// Failures of the environment go on for an hour at least before they end the job.
std::string DescribeFailures(const JobTasks& tasks, const Job& job, absl::Time now) {
  size_t looked_at = 0;
  for (auto it = job.failure_order.rbegin();
       it != job.failure_order.rend() && ++looked_at <= kNewestFailures; ++it) {
    const pb::AttemptFailure& failure = job.failures.at(*it);
    const TaskFailures failed = tasks.Retrying(it->kind, it->task, now);
    if (!failure.environment() || failed.attempts == 0) continue;
    const std::string cause = CleanLine(DescribeFailure(failure), kMaxCauseBytes);
    const bool has_step = cause.find("Try: ") != std::string::npos;
    return fmt::format("{} failed {} on {}{}, last: {}{}", FormatTask(ToProto(it->kind), it->task),
                       Count(failed.attempts, "time"), Count(failed.workers, "worker"),
                       DescribeSince(failed.since, now), cause,
                       has_step ? "" : fmt::format(". Try: mr tasks {} --failed", job.id));
  }
  return "";
}

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

std::string WaitDescriber::Describe(const Job& job) {
  if (job.ended() || job.doomed != pb::JOB_STATE_UNSPECIFIED) return "";
  const JobTasks* tasks = state_->scheduler.job(job.key);
  if (tasks == nullptr) return "";
  if (std::string failures = DescribeFailures(*tasks, job, now_); !failures.empty()) {
    return failures;
  }
  if (!state_->scheduler.IsIdle(job.key)) return "";
  if (state_->scheduler.IsHeld(job.key)) {
    return fmt::format("{} has not been made yet. Try: quern status", JobDir(job.id));
  }
  if (!workers_) workers_ = DescribeWorkers();
  return *workers_;
}

std::string WaitDescriber::DescribeWorkers() const {
  const IdleJob idle = state_->scheduler.WhyNoneStarts(now_);
  switch (idle.why) {
    case IdleJob::Why::kNotIdle:
      return "";
    case IdleJob::Why::kNoWorker:
      return DescribeNoWorker(state_->registry);
    case IdleJob::Why::kResting:
      return fmt::format("every worker rests, the first for another {}. Try: mr workers",
                         absl::FormatDuration(absl::Ceil(idle.until - now_, absl::Seconds(1))));
    case IdleJob::Why::kBusy:
      return "other jobs have every slot. Try: mr list";
  }
  return "";
}

}  // namespace quern::mr
