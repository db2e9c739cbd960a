// `mr why JOB`: where the time went.
#include <vector>

#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "common/cli/table.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/cli/time_report.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

class Why final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&jobs_, 1, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(coordinator_, session->coordinator());
    now_ = session->clock->TimeNow();
    ASSIGN_OR_RETURN(const pb::JobStatus job, coordinator_->GetJob(jobs_[0]));
    if (IsPipelineId(jobs_[0])) return OfPipeline(*session, job);
    TimeReport report;
    RETURN_IF_ERROR(AddTasks(jobs_[0], {&report}));
    if (session->json) {
      JsonLine line = report.Json();
      line.Add("job", job.job_id()).Add("state", StateName(job.state()));
      Out().Format("{}\n", line.ToString());
      return kExitOk;
    }
    Out().Format("{}{}\nwaited {} before its first task, then ran {}\n\n{}", EndLine(job, now_),
                 WaitText(job), LengthText(job.submitted_ms(), job.started_ms(), now_),
                 LengthText(job.started_ms(), job.finished_ms(), now_), report.Text());
    return kExitOk;
  }

 private:
  absl::Status AddTasks(const std::string& job, const std::vector<TimeReport*>& reports) const {
    pb::ListTasksRequest request;
    request.set_job_id(job);
    for (bool more = true; more;) {
      ASSIGN_OR_RETURN(const pb::ListTasksResponse page, coordinator_->ListTasks(request));
      if (page.forgotten()) {
        return NotFoundError("{}: ended long ago, its tasks are no longer remembered", job);
      }
      for (TimeReport* const report : reports) {
        for (const pb::TaskAttemptStatus& attempt : page.attempts()) report->Add(attempt, now_);
      }
      request.set_start(request.start() + static_cast<uint32_t>(page.attempts_size()));
      more = page.more() && !page.attempts().empty();
      if (more) continue;
      for (TimeReport* const report : reports) report->AddUnknown(page.left_out());
    }
    return absl::OkStatus();
  }

  // A line for each stage, and the sum. Of a stage that repeats only the newest round is known.
  absl::StatusOr<int> OfPipeline(const Session& session, const pb::JobStatus& pipeline) const {
    TimeReport sum(TimeReport::Of::kPipeline);
    Table stages({{"STAGE"}, {"JOB"}, {"TIME OF TASKS"}});
    std::vector<JsonLine> lines;
    for (const StageJob& one : JobsOf(pipeline)) {
      TimeReport report;
      const absl::Status added = AddTasks(one.job_id, {&report, &sum});
      // What is known of the others is told all the same.
      if (!added.ok() && !absl::IsNotFound(added)) return added;
      stages.AddRow({one.stage, one.job_id, added.ok() ? report.Brief() : "not remembered"});
      lines.push_back(report.Json());
      lines.back().Add("stage", one.stage).Add("job", one.job_id).Add("remembered", added.ok());
    }
    if (session.json) {
      JsonLine line = sum.Json();
      line.Add("pipeline", pipeline.job_id()).Add("state", StateName(pipeline.state()));
      Out().Format("{}\n", line.Add("stages", lines).ToString());
      return kExitOk;
    }
    Out().Format("{}\n\n{}\nof all these, the newest round of each stage:\n{}",
                 EndLine(pipeline, now_), stages.ToString(), sum.Text());
    return kExitOk;
  }

  CoordinatorClient* coordinator_ = nullptr;
  absl::Time now_;
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec WhyCommand() {
  return {.name = "why",
          .aliases = {},
          .usage = "JOB|PIPELINE",
          .summary =
              "where the time of a job went, or of a pipeline's: reading, user code, sort, writing",
          .examples = {"mr why job-20261122-0001"},
          .make = Maker<Why>("why")};
}

}  // namespace quern::mr
