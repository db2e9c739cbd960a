// `mr why JOB`: where the time went.
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/time_report.h"
#include "mapreduce/engine/state_name.h"

namespace quern::mr {
namespace {

class Why final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&jobs_, 1, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    const absl::Time now = session->clock->TimeNow();
    ASSIGN_OR_RETURN(const pb::JobStatus job, coordinator->GetJob(jobs_[0]));
    TimeReport report;
    pb::ListTasksRequest request;
    request.set_job_id(jobs_[0]);
    for (bool more = true; more;) {
      ASSIGN_OR_RETURN(const pb::ListTasksResponse page, coordinator->ListTasks(request));
      if (page.forgotten()) {
        return NotFoundError("{}: ended long ago, its tasks are no longer remembered", jobs_[0]);
      }
      for (const pb::TaskAttemptStatus& attempt : page.attempts()) report.Add(attempt, now);
      request.set_start(request.start() + static_cast<uint32_t>(page.attempts_size()));
      more = page.more() && !page.attempts().empty();
      if (!more) report.AddUnknown(page.left_out());
    }
    if (session->json) {
      JsonLine line = report.Json();
      line.Add("job", job.job_id()).Add("state", StateName(job.state()));
      Out().Format("{}\n", line.ToString());
      return kExitOk;
    }
    Out().Format("{}{}\nwaited {} before its first task, then ran {}\n\n{}", EndLine(job, now),
                 WaitText(job), LengthText(job.submitted_ms(), job.started_ms(), now),
                 LengthText(job.started_ms(), job.finished_ms(), now), report.Text());
    return kExitOk;
  }

 private:
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec WhyCommand() {
  return {.name = "why",
          .aliases = {},
          .usage = "JOB",
          .summary = "where the time of a job went: reading, user code, sort, shuffle, writing",
          .examples = {"mr why job-20261122-0001"},
          .make = Maker<Why>("why")};
}

}  // namespace quern::mr
