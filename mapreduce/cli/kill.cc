#include "common/cli/cli.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/format.h"

namespace quern::mr {
namespace {

class Kill final : public Command {
 public:
  void Define(CommandLine* line) override {
    line->Value("--reason", "TEXT", &reason_, "shown with the job");
    line->Arguments(&jobs_, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    for (const std::string& job_id : jobs_) {
      ASSIGN_OR_RETURN(const v1::JobStatus job, coordinator->Kill(job_id, reason_));
      if (session->json) {
        fmt::print("{}\n", JobJson(job).ToString());
      } else {
        fmt::print("{}: {}\n", job_id, StateName(job.state()));
      }
    }
    return kExitOk;
  }

 private:
  std::string reason_;
  std::vector<std::string> jobs_;
};

}  // namespace

CommandSpec KillCommand() {
  return {"kill",
          "JOB... [--reason TEXT]",
          "stop a job; nothing of its output appears",
          {"mr kill job-20261122-0001 --reason 'wrong input'"},
          [] { return std::make_unique<Kill>(); }};
}

}  // namespace quern::mr
