#include "mapreduce/coordinator/service/convert.h"

#include <fmt/format.h>

#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {

pb::TaskKind ToProto(TaskKind kind) {
  switch (kind) {
    case TaskKind::kSample:
      return pb::TASK_KIND_SAMPLE;
    case TaskKind::kMap:
      return pb::TASK_KIND_MAP;
    case TaskKind::kReduce:
      return pb::TASK_KIND_REDUCE;
  }
  return pb::TASK_KIND_UNSPECIFIED;
}

TaskKind FromProto(pb::TaskKind kind) {
  if (kind == pb::TASK_KIND_SAMPLE) return TaskKind::kSample;
  return kind == pb::TASK_KIND_REDUCE ? TaskKind::kReduce : TaskKind::kMap;
}

pb::AttemptState ToProto(AttemptState state) {
  switch (state) {
    case AttemptState::kRunning:
      return pb::ATTEMPT_STATE_RUNNING;
    case AttemptState::kSucceeded:
      return pb::ATTEMPT_STATE_SUCCEEDED;
    case AttemptState::kFailed:
      return pb::ATTEMPT_STATE_FAILED;
    case AttemptState::kKilled:
      return pb::ATTEMPT_STATE_KILLED;
    case AttemptState::kLost:
      return pb::ATTEMPT_STATE_LOST;
  }
  return pb::ATTEMPT_STATE_UNSPECIFIED;
}

std::string_view LocalityName(Locality locality) {
  switch (locality) {
    case Locality::kNode:
      return "node";
    case Locality::kRack:
      return "rack";
    case Locality::kAny:
      return "any";
  }
  return "any";
}

Locality ParseLocality(std::string_view name) {
  if (name == "node") return Locality::kNode;
  return name == "rack" ? Locality::kRack : Locality::kAny;
}

pb::AttemptId ToProto(std::string_view job_id, const AttemptRef& attempt) {
  pb::AttemptId id;
  id.set_job_id(std::string(job_id));
  id.set_kind(ToProto(attempt.kind));
  id.set_task(attempt.task);
  id.set_attempt(attempt.number);
  return id;
}

int64_t ToMillis(absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return 0;
  return absl::ToUnixMillis(time);
}

Fault FaultOf(const pb::AttemptFailure& failure) {
  if (failure.worker()) return Fault::kWorker;
  if (failure.environment()) return Fault::kEnvironment;
  return failure.ends_job() ? Fault::kUserCodeForGood : Fault::kUserCode;
}

std::string DescribeFailure(const pb::AttemptFailure& failure) { return MessageAtRecord(failure); }

std::string DescribeLastFailure(const pb::AttemptId& id, uint32_t limit,
                                const pb::AttemptFailure& failure) {
  if (FaultOf(failure) != Fault::kUserCode || limit == 1) {
    return fmt::format("{} failed: {}", FormatAttempt(id), DescribeFailure(failure));
  }
  return fmt::format("{} failed {} times, the last time: {}", FormatTask(id.kind(), id.task()),
                     limit, DescribeFailure(failure));
}

std::string DescribeWorkerLosses(const pb::AttemptId& id) {
  return fmt::format(
      "{}: {} workers died while they ran it: it may be what kills them. Try: mr tasks {}",
      FormatTask(id.kind(), id.task()), JobTasks::kMaxWorkerLosses, id.job_id());
}

}  // namespace quern::mr
