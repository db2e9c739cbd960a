#include "common/cli/cli.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"

namespace quern::mr {
namespace {

// Both list and history: the latter leaves out what still runs, and knows one job by name.
class List final : public Command {
 public:
  explicit List(bool only_ended) : only_ended_(only_ended) {}

  void Define(CommandLine* line) override {
    line->Value("-n,--limit", "N", &limit_, "jobs to show, newest first (100)");
    line->Arguments(&words_, 0, only_ended_ ? 1 : 0);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    std::vector<v1::JobStatus> jobs;
    if (words_.empty()) {
      ASSIGN_OR_RETURN(const v1::ListJobsResponse listed,
                       coordinator->ListJobs(static_cast<uint32_t>(limit_)));
      jobs.assign(listed.jobs().begin(), listed.jobs().end());
    } else {
      ASSIGN_OR_RETURN(v1::JobStatus one, coordinator->GetJob(words_[0]));
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
    for (const v1::JobStatus& job : jobs) {
      if (only_ended_ && words_.empty() && !HasEnded(job)) continue;
      if (session->json) fmt::print("{}\n", JobJson(job).ToString());
      table.AddRow({job.job_id(), job.name(), job.user(), StateName(job.state()),
                    PercentDone(job.map()), PercentDone(job.reduce()), TimeText(job.submitted_ms()),
                    LengthText(job.started_ms(), job.finished_ms())});
    }
    if (!session->json) fmt::print("{}", table.ToString());
    return kExitOk;
  }

 private:
  const bool only_ended_;
  int64_t limit_ = 100;
  std::vector<std::string> words_;
};

}  // namespace

CommandSpec ListCommand() {
  return {"list", "[-n N]", "jobs, the newest first", {"mr list", "mr list --json"}, [] {
            return std::make_unique<List>(false);
          }};
}

CommandSpec HistoryCommand() {
  return {"history",
          "[JOB] [-n N]",
          "jobs that have ended, also before a restart of the coordinator",
          {"mr history", "mr history job-20261122-0001 --json"},
          [] { return std::make_unique<List>(true); }};
}

}  // namespace quern::mr
