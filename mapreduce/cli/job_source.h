// What `mr run` was asked to run: a spec, a job that comes with Quern, a source file or a plugin.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/job_spec.h"

namespace quern::mr {

struct JobSource {
  SpecFile file;
  std::string plugin_path;  // on this machine
  // Neither a spec nor a ready-made job: a combiner that was not named may be taken all the same.
  bool bare_plugin = false;
};

// By the form of `target`: *.toml, *.cc, *.so, else the name of a ready-made job. NotFound names
// the job that was probably meant.
absl::StatusOr<JobSource> LoadJob(const std::string& target);

// A job whose mapper is a command (`mr run --map`).
JobSource CommandJob(const std::string& map);
// True when the spec names a command as its mapper.
bool RunsCommands(const SpecFile& file);
// Makes jobs of commands whole, when all flags and arguments are in place. InvalidArgument for what
// commands cannot do.
absl::Status CompleteCommands(SpecFile* file);

// Names of the ready-made jobs, sorted: from QUERN_JOBS, else ../lib/quern/jobs beside the binary.
std::vector<std::string> ReadyMadeJobs();
// The spec of one, without looking for its plugin.
absl::StatusOr<SpecFile> ReadyMadeSpec(const std::string& name);

}  // namespace quern::mr
