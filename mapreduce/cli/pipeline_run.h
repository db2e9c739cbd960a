// mr run PIPELINE: from the file to a submitted pipeline.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/command.h"
#include "mapreduce/cli/job_source.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

// What the command line says.
struct PipelineFlags {
  std::vector<std::string> settings;  // of --set
  std::vector<std::string> words;     // IN... OUT
  std::string name;
  std::string memory;
  std::string replication;
  std::string user;
  std::string command;
  std::string typed = "mr run";  // or "mr explain"
  bool overwrite = false;
  bool keep = false;
  bool detach = false;
  bool dry_run = false;
  bool all_splits = false;
  bool local = false;
  bool check = false;                   // with `local`: user code is lent what it is shown
  std::optional<int64_t> threads = {};  // with `local`
};

// What the coordinator has accepted, for AfterSubmission; or the exit code where it is asked for
// nothing: of a dry run, and of one on this machine.
using StartedPipeline = std::variant<int, pb::SubmitPipelineResponse>;

// UsageError for what the user wrote wrongly; any other error is one of the submission.
absl::StatusOr<StartedPipeline> StartPipeline(Session* session, const PipelineText& pipeline,
                                              const PipelineFlags& flags);
// Stages and their parameters. `command` as in "mr run".
std::string PipelineHelp(const std::string& command, const std::string& target,
                         const PipelineText& pipeline);

// Prints the id, or the stages of a dry run, or follows it to its end.
absl::StatusOr<int> AfterSubmission(Session* session, const pb::SubmitPipelineResponse& response,
                                    bool detach, bool dry_run);

}  // namespace quern::mr
