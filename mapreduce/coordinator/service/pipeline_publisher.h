// Makes the outputs of a pipeline appear at the paths that its user named, all by one change of the
// file system. Those below the pipeline's own output path are one directory; where some of an
// earlier run stay in it, the others are changed around them.
//
// As with the output of a job, every step may be repeated (publisher.h).
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/coordinator/service/publisher.h"

namespace quern::mr {

struct PipelinePublishPlan {
  struct Output {
    std::string source;  // what the job of the stage's last round has made
    std::string job_id;  // of that job
    std::string target;  // absolute
    // Its path below output_path, "." for what lies in output_path itself and has the others
    // beside its files; empty: it is published alone.
    std::string below;
  };
  std::string pipeline_id;
  std::string name;
  std::string user;
  std::string output_path;  // empty: no output lies below it
  bool overwrite = false;
  std::vector<Output> outputs;
  // What lies at its target from an earlier run and stays there.
  std::vector<Output> in_place;
};

// AlreadyExists: somebody else made an output meanwhile. NotFound: one is gone. FailedPrecondition:
// one that was to stay is no longer what it was, or what would be replaced is not all output of
// jobs. After each of them what the pipeline has made is where it was and stays there, also when a
// change of an earlier try is still on its way.
absl::Status PublishPipeline(const PipelinePublishPlan& plan, PublishFiles* files);

// Gives up a publication that is wanted no more, however far it has been tried. True: nothing of it
// has appeared, and what the pipeline has made is where it was. False: all of it has appeared
// already. An error that may be retried: nobody can say now.
absl::StatusOr<bool> WithdrawPipeline(const PipelinePublishPlan& plan, PublishFiles* files);

}  // namespace quern::mr
