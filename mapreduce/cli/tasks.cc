#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/warning.h"
#include "mapreduce/engine/attempt_failure.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

class Tasks final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--slowest", &slowest_, "those that took longest first");
    line->Switch("--failed", &failed_, "failed attempts only");
    line->Arguments(&jobs_, 1, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    pb::ListTasksRequest request;
    request.set_job_id(jobs_[0]);
    if (slowest_) request.set_order(pb::ListTasksRequest::ORDER_SLOWEST);
    if (failed_) request.set_order(pb::ListTasksRequest::ORDER_FAILED);
    Table table({{"ATTEMPT"},
                 {"STATE"},
                 {"NODE"},
                 {"LOCALITY"},
                 {"TIME", Table::Align::kRight},
                 {"DONE", Table::Align::kRight},
                 {"INPUT", Table::Align::kRight},
                 {"PHASE"},
                 {"CAUSE"}});
    uint32_t left_out = 0;
    while (true) {
      ASSIGN_OR_RETURN(const pb::ListTasksResponse page, coordinator->ListTasks(request));
      for (const pb::TaskAttemptStatus& attempt : page.attempts()) {
        if (session->json) Out().Format("{}\n", AttemptJson(attempt).ToString());
        AddRow(attempt, session->clock->TimeNow(), &table);
      }
      left_out = page.left_out();
      if (page.forgotten()) {
        Warn(*session, "mr tasks",
             fmt::format("{}: ended long ago, its tasks are no longer remembered", jobs_[0]));
      }
      if (!page.more() || page.attempts().empty()) break;
      request.set_start(request.start() + static_cast<uint32_t>(page.attempts_size()));
    }
    if (!session->json) Out().Format("{}", table.ToString());
    if (left_out > 0) {
      Warn(*session, "mr tasks",
           fmt::format("{} more attempt{}, quick and without failures, {} not remembered", left_out,
                       left_out == 1 ? "" : "s", left_out == 1 ? "is" : "are"));
    }
    return kExitOk;
  }

 private:
  static void AddRow(const pb::TaskAttemptStatus& attempt, absl::Time now, Table* table) {
    const bool done = attempt.state() == pb::ATTEMPT_STATE_SUCCEEDED;
    table->AddRow({FormatAttempt(attempt.id()), StateName(attempt.state()), attempt.node(),
                   attempt.locality(), LengthText(attempt.started_ms(), attempt.finished_ms(), now),
                   fmt::format("{:.0f}%", done ? 100 : 100 * attempt.progress().fraction()),
                   FormatBinarySize(attempt.progress().input_bytes()), attempt.progress().phase(),
                   MessageAtRecord(attempt.failure())});
  }

  bool slowest_ = false;
  bool failed_ = false;
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec TasksCommand() {
  return {.name = "tasks",
          .aliases = {},
          .usage = "JOB [--slowest | --failed]",
          .summary = "task attempts: where they ran, how long, and what became of them",
          .examples = {"mr tasks job-20261122-0001 --slowest",
                       "mr tasks job-20261122-0001 --failed --json"},
          .make = Maker<Tasks>("tasks")};
}

}  // namespace quern::mr
