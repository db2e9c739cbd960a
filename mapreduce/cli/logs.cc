#include "common/cli/cli.h"
#include "common/cli/command_line.h"
#include "common/cli/json_line.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/interrupt_watch.h"
#include "mapreduce/cli/log_printer.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/cli/warning.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

class Logs final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Value("--task", "m-17[.1]", &task_, "one task, or one attempt of it (else all)");
    line->Switch("-f,--follow", &follow_,
                 "what running tasks print, until the job or pipeline has ended");
    line->Switch("--errors", &errors_, "of failed attempts only");
    line->Arguments(&words_, 1, 2);
  }

  absl::StatusOr<int> Run(Session* session) override {
    RETURN_IF_ERROR(CheckUse());
    session_ = session;
    ASSIGN_OR_RETURN(coordinator_, session->coordinator());
    if (follow_) return Follow();
    if (!task_.empty()) return OneTask();
    return IsPipelineId(job()) ? AllJobs() : AllTasks(job());
  }

 private:
  static constexpr uint32_t kMaxAttempts = 100;

  const std::string& job() const { return words_[0]; }

  // What became of an attempt, which is no warning.
  void Note(std::string_view line) const {
    if (session_->json) {
      Err().Format("{}\n", JsonLine().Add("note", line).ToString());
    } else {
      Err().Format("mr logs: {}\n", line);
    }
  }
  template <typename... Args>
  void Warn(fmt::format_string<Args...> format, Args&&... args) const {
    mr::Warn(*session_, "mr logs", fmt::format(format, std::forward<Args>(args)...));
  }

  absl::Status CheckUse() {
    if (words_.size() > 1 && !task_.empty()) {
      return UsageError(fmt::format("the task is named twice: {} and --task {}", words_[1], task_));
    }
    if (words_.size() > 1) task_ = words_[1];
    if (follow_ && errors_) {
      return UsageError("--errors shows attempts that have ended, -f those that run: not both");
    }
    if (task_.empty()) return absl::OkStatus();
    absl::StatusOr<TaskName> name = ParseTaskName(task_);
    if (!name.ok()) return UsageError(Message(name.status()));
    name_ = *name;
    return absl::OkStatus();
  }

  // Of the task that was named, or of the whole job.
  pb::GetLogRequest Request() const {
    pb::GetLogRequest request;
    request.mutable_id()->set_job_id(job());
    if (task_.empty()) return request;
    request.mutable_id()->set_kind(name_.kind);
    request.mutable_id()->set_task(name_.task);
    request.mutable_id()->set_attempt(name_.attempt.value_or(0));
    request.set_newest_attempt(!name_.attempt.has_value());
    return request;
  }

  absl::StatusOr<int> OneTask() {
    RETURN_IF_ERROR(Print(Request()));
    return kExitOk;
  }

  absl::StatusOr<int> AllJobs() {
    ASSIGN_OR_RETURN(const pb::JobStatus pipeline, coordinator_->GetJob(job()));
    const std::vector<StageJob> jobs = JobsOf(pipeline);
    if (jobs.empty()) Warn("{}: has no jobs of its own", job());
    for (const StageJob& one : jobs) {
      if (!session_->json) Out().Format("==> stage {}: {} <==\n", one.stage, one.job_id);
      const absl::Status shown = AllTasks(one.job_id).status();
      // The jobs of a pipeline are forgotten one by one, the oldest first.
      if (!absl::IsNotFound(shown)) RETURN_IF_ERROR(shown);
      if (!shown.ok()) Warn("stage {}: {} is no longer known", one.stage, one.job_id);
    }
    return kExitOk;
  }

  absl::StatusOr<int> AllTasks(const std::string& of) {
    pb::ListTasksRequest request;
    request.set_job_id(of);
    request.set_limit(kMaxAttempts);
    if (errors_) request.set_order(pb::ListTasksRequest::ORDER_FAILED);
    ASSIGN_OR_RETURN(const pb::ListTasksResponse tasks, coordinator_->ListTasks(request));
    if (tasks.attempts().empty()) {
      Warn("{}: no {}attempts are remembered", of, errors_ ? "failed " : "");
    }
    for (const pb::TaskAttemptStatus& attempt : tasks.attempts()) PrintAttempt(attempt);
    if (tasks.more()) {
      Warn("the first {} attempts; for others give --task", kMaxAttempts);
    }
    return kExitOk;
  }

  void PrintAttempt(const pb::TaskAttemptStatus& attempt) {
    pb::GetLogRequest request;
    *request.mutable_id() = attempt.id();
    if (session_->json) {
      const absl::Status printed = Print(request);
      // The others are shown all the same: each says for itself what became of it.
      if (!printed.ok()) Err().Format("{}\n", ErrorJson(printed).ToString());
      return;
    }
    Out().Format("==> {} {} on {} <==\n", FormatAttempt(attempt.id()), StateName(attempt.state()),
                 attempt.node());
    if (attempt.has_failure()) Out().Format("{}\n", MessageAtRecord(attempt.failure()));
    // What is gone with its worker is no reason to stop; its last lines were reported.
    if (!Print(request).ok()) Out().Format("{}", attempt.failure().log_tail());
  }

  LogPrinter MakePrinter(LogPrinter::Mode mode) const {
    return {session_->json ? LogPrinter::Mode::kJson : mode,
            {.data = [](std::string_view text) { Out().Print(text); },
             .note = [this](std::string_view line) { Note(line); }}};
  }
  LogPrinter::Mode FollowMode() const {
    if (!task_.empty()) return LogPrinter::Mode::kOneTask;
    return IsPipelineId(job()) ? LogPrinter::Mode::kPipeline : LogPrinter::Mode::kJob;
  }

  absl::StatusOr<int> Follow() {
    LogPrinter printer = MakePrinter(FollowMode());
    InterruptWatch interrupt(coordinator_);
    const absl::Status followed = coordinator_->FollowLog(
        Request(),
        [&](const pb::GetLogResponse& piece) {
          printer.Take(piece);
          // Somebody is looking; and when nobody is any more, that is the end.
          if (!Out().Flush().ok()) coordinator_->CancelWatch();
        },
        [&](pb::GetLogRequest* request) { printer.FillHad(request); });
    if (Out().failed()) return kExitFailed;
    if (interrupt.interrupted()) return kExitInterrupted;
    RETURN_IF_ERROR(followed);
    if (!task_.empty()) return kExitOk;
    ASSIGN_OR_RETURN(const pb::JobStatus status, coordinator_->GetJob(job()));
    if (session_->json) {
      Err().Format("{}\n", JobEndJson(status).ToString());
      return kExitOk;
    }
    const std::string end =
        session_->quiet ? WarningLine(status) : EndLine(status, session_->clock->TimeNow());
    if (!end.empty()) Err().Format("{}\n", end);
    return kExitOk;
  }

  // Of one attempt, that of the request or the newest.
  absl::Status Print(const pb::GetLogRequest& request) {
    LogPrinter printer = MakePrinter(LogPrinter::Mode::kOneTask);
    pb::GetLogResponse whose;
    const absl::Status status = coordinator_->GetLog(request, [&](const pb::GetLogResponse& piece) {
      if (piece.has_id()) whose = piece;
      whose.set_data(piece.data());
      printer.Take(whose);
    });
    whose.clear_data();
    whose.set_ended(true);
    printer.Take(whose);
    return status;
  }

  Session* session_ = nullptr;
  CoordinatorClient* coordinator_ = nullptr;
  std::string task_;
  TaskName name_;
  bool follow_ = false;
  bool errors_ = false;
  std::vector<std::string> words_;
};

}  // namespace

CommandSpec LogsCommand() {
  return {.name = "logs",
          .aliases = {},
          .usage = "JOB|PIPELINE [TASK | --task m-17[.1]] [-f | --errors]",
          .summary = "what task attempts printed; of a pipeline, those of its jobs' newest rounds",
          .examples = {"mr logs job-20261122-0001 --errors", "mr logs job-20261122-0001 r-3",
                       "mr logs -f pipeline-20261122-0001", "mr logs -f job-20261122-0001 m-17"},
          .make = Maker<Logs>("logs")};
}

}  // namespace quern::mr
