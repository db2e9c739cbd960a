// What `mr run` was asked to run: a spec, a job that comes with Quern, a source file or a plugin.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/job_spec.h"
#include "mapreduce/plan/plugin_info.h"

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
absl::StatusOr<JobSource> CommandJob(const std::string& map);
// A plugin that registers one combiner means it to be used, where no spec says which.
void TakeOnlyCombiner(const JobSource& source, const PluginInfo& plugin, pb::JobSpec* spec);
// True when the spec names a command as its mapper.
bool RunsCommands(const SpecFile& file);
// Makes jobs of commands whole, when all flags and arguments are in place. InvalidArgument for what
// commands cannot do.
absl::Status CompleteCommands(SpecFile* file);

// Names of the ready-made jobs, sorted: from QUERN_JOBS, else ../lib/quern/jobs beside the binary.
std::vector<std::string> ReadyMadeJobs();
// The text of a pipeline's file when `target` names one: *.toml, or ready-made. Nothing when it is
// something else, or cannot be read.
struct PipelineText {
  std::string path;
  std::string text;
};
std::optional<PipelineText> FindPipeline(const std::string& target);
// The job of a stage of a pipeline whose file is in `pipeline_dir`: a file there, or ready-made.
absl::StatusOr<JobSource> LoadStageJob(const std::string& job, const std::string& pipeline_dir);
// What a spec names as its plugin, relative to where the user stands, else to the spec's directory.
// A source is compiled; commands have a plugin of their own.
absl::StatusOr<std::string> FindPlugin(const SpecFile& file, const std::string& spec_dir);

// The flags that a job or a pipeline has of its own; none for what has no spec.
absl::StatusOr<std::vector<JobFlag>> FlagsOfJob(const std::string& target);

// The spec of one, without looking for its plugin.
absl::StatusOr<SpecFile> ReadyMadeSpec(const std::string& name);

}  // namespace quern::mr
