#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/cli/pipeline_format.h"
#include "mapreduce/engine/state_name.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

// Both list and history: the latter leaves out what still runs, and knows one job by name.
class List final : public JobCommand {
 public:
  explicit List(bool only_ended) : only_ended_(only_ended) {}

  void Define(CommandLine* line) override {
    line->Number("-n,--limit", "N", &limit_, {1, 10'000}, "jobs to show, newest first (100)");
    line->Arguments(&words_, 0, only_ended_ ? 1 : 0);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    std::vector<pb::JobStatus> jobs;
    if (words_.empty()) {
      pb::ListJobsRequest request;
      request.set_limit(static_cast<uint32_t>(limit_));
      request.set_only_ended(only_ended_);
      ASSIGN_OR_RETURN(const pb::ListJobsResponse listed, coordinator->ListJobs(request));
      jobs.assign(listed.jobs().begin(), listed.jobs().end());
    } else {
      ASSIGN_OR_RETURN(pb::JobStatus one, coordinator->GetJob(words_[0]));
      jobs.push_back(std::move(one));
    }
    Table table({{"JOB"},
                 {"NAME"},
                 {"USER"},
                 {"STATE"},
                 {"MAP", Table::Align::kRight},
                 {"REDUCE", Table::Align::kRight},
                 {"SUBMITTED"},
                 {"TIME", Table::Align::kRight}});
    for (const pb::JobStatus& job : jobs) {
      // A coordinator older than this command does not know only_ended.
      if (only_ended_ && words_.empty() && !HasEnded(job)) continue;
      if (session->json) Out().Format("{}\n", JobJson(job).ToString());
      // A pipeline has stages instead of maps.
      const std::string done =
          IsPipeline(job) ? fmt::format("{} stages", StagesDone(job)) : PercentDone(job.map());
      table.AddRow({job.job_id(), job.name(), job.user(), StateName(job.state()), done,
                    PercentDone(job.reduce()), TimeText(job.submitted_ms()),
                    LengthText(job.started_ms(), job.finished_ms(), session->clock->TimeNow())});
    }
    if (!session->json) Out().Format("{}", table.ToString());
    return kExitOk;
  }

 private:
  const bool only_ended_;
  int64_t limit_ = 100;
  std::vector<std::string> words_;
};

}  // namespace

CommandSpec ListCommand() {
  return {.name = "list",
          .aliases = {},
          .usage = "[-n N]",
          .summary = "jobs, the newest first",
          .examples = {"mr list", "mr list --json"},
          .make = Maker<List>("list", false)};
}

CommandSpec HistoryCommand() {
  return {.name = "history",
          .aliases = {},
          .usage = "[JOB] [-n N]",
          .summary = "jobs that have ended, also before a restart of the coordinator",
          .examples = {"mr history", "mr history job-20261122-0001 --json"},
          .make = Maker<List>("history", true)};
}

}  // namespace quern::mr
