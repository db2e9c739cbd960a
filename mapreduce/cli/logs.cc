#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

class Logs final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Value("--task", "m-17[.1]", &task_, "one task, or one attempt of it (else all)");
    line->Switch("--errors", &errors_, "of failed attempts only");
    line->Arguments(&jobs_, 1, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(coordinator_, session->coordinator());
    if (!task_.empty()) return OneTask();
    pb::ListTasksRequest request;
    request.set_job_id(jobs_[0]);
    request.set_limit(kMaxAttempts);
    if (errors_) request.set_order(pb::ListTasksRequest::ORDER_FAILED);
    ASSIGN_OR_RETURN(const pb::ListTasksResponse tasks, coordinator_->ListTasks(request));
    if (tasks.attempts().empty()) {
      Err().Format("mr logs: {}: no {}attempts are remembered\n", jobs_[0],
                   errors_ ? "failed " : "");
    }
    for (const pb::TaskAttemptStatus& attempt : tasks.attempts()) {
      Out().Format("==> {} {} on {} <==\n", FormatAttempt(attempt.id()), StateName(attempt.state()),
                   attempt.node());
      if (attempt.has_failure()) Out().Format("{}\n", attempt.failure().message());
      // What is gone with its worker is no reason to stop; its last lines were reported.
      if (!Print(attempt.id(), false).ok()) Out().Format("{}", attempt.failure().log_tail());
    }
    if (tasks.more()) {
      Err().Format("mr logs: the first {} attempts; for others give --task\n", kMaxAttempts);
    }
    return kExitOk;
  }

 private:
  static constexpr uint32_t kMaxAttempts = 100;

  absl::StatusOr<int> OneTask() {
    const absl::StatusOr<TaskName> name = ParseTaskName(task_);
    if (!name.ok()) return UsageError(Message(name.status()));
    pb::AttemptId id;
    id.set_job_id(jobs_[0]);
    id.set_kind(name->kind);
    id.set_task(name->task);
    id.set_attempt(name->attempt.value_or(0));
    RETURN_IF_ERROR(Print(id, !name->attempt.has_value()));
    return kExitOk;
  }

  absl::Status Print(const pb::AttemptId& id, bool newest) {
    pb::GetLogRequest request;
    *request.mutable_id() = id;
    request.set_newest_attempt(newest);
    return coordinator_->GetLog(request, [](const std::string& data) { Out().Print(data); });
  }

  CoordinatorClient* coordinator_ = nullptr;
  std::string task_;
  bool errors_ = false;
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec LogsCommand() {
  return {
      .name = "logs",
      .aliases = {},
      .usage = "JOB [--task m-17[.1]] [--errors]",
      .summary = "what task attempts printed",
      .examples = {"mr logs job-20261122-0001 --errors", "mr logs job-20261122-0001 --task r-3"},
      .make = Maker<Logs>("logs")};
}

}  // namespace quern::mr
