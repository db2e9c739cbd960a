#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"
#include "mapreduce/plan/status_json.h"

namespace quern::mr {
namespace {

class Kill final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Value("--reason", "TEXT", &reason_, "shown with the job");
    line->Arguments(&jobs_, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    int exit_code = kExitOk;
    for (const std::string& job_id : jobs_) {
      const absl::StatusOr<pb::JobStatus> job = coordinator->Kill(job_id, reason_);
      // Nobody is there to be asked about the others.
      if (absl::IsUnavailable(job.status())) return job.status();
      if (!job.ok()) {
        session->Report("mr kill", job.status());
        exit_code = kExitFailed;
      } else if (session->json) {
        Out().Format("{}\n", JobJson(*job).ToString());
      } else {
        Out().Format("{}: {}\n", job_id, KillText(*job));
      }
    }
    return exit_code;
  }

 private:
  std::string reason_;
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec KillCommand() {
  return {.name = "kill",
          .aliases = {},
          .usage = "JOB... [--reason TEXT]",
          .summary = "stop a job; nothing of its output appears, unless all of it has by then",
          .examples = {"mr kill job-20261122-0001 --reason 'wrong input'"},
          .make = Maker<Kill>("kill")};
}

}  // namespace quern::mr
