#include "mapreduce/task/attempt.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "common/fd.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/task/map_task.h"
#include "mapreduce/task/reduce_task.h"
#include "mapreduce/task/sample_task.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

namespace {

// The machine or the cluster failed, and another attempt elsewhere or later may well succeed.
bool IsEnvironment(const absl::Status& status) {
  if (IsUserError(status)) return false;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

// Whether this process can open no file any more. Quern opens few at once: user code has left its
// own open, and whatever then fails for want of one (a connection, the scratch disk) is its doing.
bool HasNoFilesLeft() {
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return !file && errno == EMFILE;
}

// Quern closes nothing that it still reads or writes. What is another machine's to try again may
// tell of a descriptor there.
bool IsOfClosedFile(const absl::Status& status) {
  return !IsUserError(status) && !IsEnvironment(status) &&
         Message(status).find(std::strerror(EBADF)) != std::string::npos;
}

std::string FailureMessage(const absl::Status& status) {
  if (!IsOfClosedFile(status)) return std::string(Message(status));
  return fmt::format(
      "its code closed a descriptor that belongs to the engine ({}). Try: close only descriptors "
      "that it has opened",
      Message(status));
}

absl::StatusOr<pb::AttemptResult> RunTaskOfKind(const pb::TaskSpec& spec,
                                                const TaskEnvironment& environment,
                                                MapOutputFeed* feed) {
  const bool reads_split = spec.id().kind() != pb::TASK_KIND_REDUCE;
  if (reads_split && spec.split().input() >= static_cast<uint32_t>(spec.job().inputs_size())) {
    return InvalidArgumentError("split of input {}, the job has {}", spec.split().input(),
                                spec.job().inputs_size());
  }
  switch (spec.id().kind()) {
    case pb::TASK_KIND_MAP:
      return RunMapTask(spec, environment);
    case pb::TASK_KIND_REDUCE:
      return RunReduceTask(spec, environment, feed);
    case pb::TASK_KIND_SAMPLE:
      return RunSampleTask(spec, environment);
    default:
      return InvalidArgumentError("a task of kind {}", static_cast<int>(spec.id().kind()));
  }
}

}  // namespace

absl::StatusOr<pb::AttemptResult> RunAttempt(const pb::TaskSpec& spec,
                                             const TaskEnvironment& environment,
                                             MapOutputFeed* feed) {
  absl::StatusOr<pb::AttemptResult> result = RunTaskOfKind(spec, environment, feed);
  // Whatever came of it: a failure may come of that, and a success would not be told.
  if (environment.held != nullptr) environment.held->EndIfClosed(environment.position);
  return result;
}

pb::AttemptFailure DescribeFailure(const absl::Status& status,
                                   const RecordPositionWriter& position) {
  pb::AttemptFailure failure;
  const bool leaks = HasNoFilesLeft();
  failure.set_message(
      leaks ? fmt::format("the task has as many files open as a process may have. Does its code "
                          "close what it opens? {}",
                          Message(status))
            : FailureMessage(status));
  failure.set_environment(!leaks && IsEnvironment(status));
  failure.set_ends_job(IsJobError(status));
  const RecordPosition at = position.Get();
  const bool in_record = at.phase == RecordPhase::kMap || at.phase == RecordPhase::kReduce;
  if (in_record && !IsOfNoRecord(status)) {
    failure.set_in_record(true);
    failure.set_record_source(at.source);
    failure.set_record_position(at.position);
    failure.set_record_piece(at.piece);
    failure.set_blames_record(IsUserError(status) && !IsJobError(status));
  }
  LimitTexts(&failure);
  return failure;
}

}  // namespace quern::mr
