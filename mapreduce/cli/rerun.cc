// mr rerun and mr drop: what is left of a pipeline, to be used again or not.
#include "common/cli/cli.h"
#include "common/cli/output.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/pipeline_run.h"

namespace quern::mr {
namespace {

class Rerun final : public JobCommand {
 public:
  void Define(CommandLine* line) override {
    line->Switch("--resume", &resume_, "take what it has finished and what has not changed");
    line->Switch("--overwrite", &overwrite_, "replace the outputs that are there");
    line->Switch("--detach", &detach_, "print the pipeline's id and do not wait for it");
    line->Switch("--dry-run", &dry_run_, "show what would run, and run nothing");
    line->Arguments(&pipelines_, 1, 1);
  }

  absl::StatusOr<int> Run(Session* session) override {
    if (!resume_) return UsageError("say --resume: what is finished is not run again");
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    pb::SubmitPipelineRequest request;
    request.set_again(pipelines_[0]);
    request.set_overwrite(overwrite_);
    request.set_dry_run(dry_run_);
    const auto response = coordinator->SubmitPipeline(std::move(request));
    if (!response.ok()) {
      session->Report("mr rerun", response.status());
      return ExitOfSubmission(response.status());
    }
    return AfterSubmission(session, *response, detach_, dry_run_);
  }

 private:
  bool resume_ = false;
  bool overwrite_ = false;
  bool detach_ = false;
  bool dry_run_ = false;
  std::vector<std::string> pipelines_;
};

class Drop final : public JobCommand {
 public:
  void Define(CommandLine* line) override { line->Arguments(&pipelines_, 1); }

  absl::StatusOr<int> Run(Session* session) override {
    ASSIGN_OR_RETURN(CoordinatorClient * coordinator, session->coordinator());
    for (const std::string& id : pipelines_) RETURN_IF_ERROR(coordinator->DropPipeline(id));
    return kExitOk;
  }

 private:
  std::vector<std::string> pipelines_;
};

}  // namespace

CommandSpec RerunCommand() {
  return {.name = "rerun",
          .aliases = {},
          .usage = "PIPELINE --resume",
          .summary = "run an ended pipeline again, from where it stood",
          .examples = {"mr rerun pipeline-20261122-0001 --resume"},
          .make = Maker<Rerun>("rerun")};
}

CommandSpec DropCommand() {
  return {.name = "drop",
          .aliases = {},
          .usage = "PIPELINE...",
          .summary = "remove what an ended pipeline has kept between its stages",
          .examples = {"mr drop pipeline-20261122-0001"},
          .make = Maker<Drop>("drop")};
}

}  // namespace quern::mr
