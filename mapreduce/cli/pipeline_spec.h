// Pipelines as people write them: TOML files with [[stage]]s.
//
//   name = "pagerank"              usage, help: as in a job's spec
//   input = ["/graph"]             what @in stands for when the command line names nothing
//   output = "/ranks"              what outputs without a leading / lie below
//   keep = true                    what lies between stages stays
//   parameters = ["parquet: flag"] what values of [params] look like, as in a job's spec
//   [flags]                        those of them that are flags of mr run as well (job_flags.h)
//   [params]                       go to every stage that reads a parameter of that name
//   [[stage]]
//   name = "ranks"
//   job = "rank_step.toml"         beside the pipeline, or a ready-made job; or plugin = ...
//   input = ["@graph", "@ranks"]   or [[stage.input]] with path, format, mapper, tag
//   output = "ranks"               published; without it, it only lies between stages
//   when = "tokenizer"             left out unless this parameter is set, whose value other keys
//                                  of the stage may have in them: "${tokenizer}"
//   otherwise = "@graph"           read where others say "@ranks" when the stage is left out
//   repeat = { until = "moved == 0", max = 50, first = "@graph", in_a_row = 1, at_max = "fail" }
//   files = { "${lists}" = "" }    a side file for each path in a parameter that the stage reads,
//                                  and none where it is not set
//   [stage.params]                 and every other key of a job's spec
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "mapreduce/cli/job_spec.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

using Settings = std::vector<std::pair<std::string, std::string>>;  // key, value

struct StageInput {
  enum class Kind : uint8_t {
    kWritten,  // as the file says
    kStandIn,  // its path is what stands for a stage that is left out
    kGone,     // there is nothing to read; it keeps the place of its form among those of the job
  };
  Settings settings;  // with "path"
  Kind kind = Kind::kWritten;
};

struct StageFile {
  std::string name;
  std::string job;  // as written; empty: the stage is its own spec
  std::vector<StageInput> inputs;
  std::string output;
  std::string when;       // the parameter of the pipeline without which the stage is left out
  std::string otherwise;  // what is read then instead of its output; empty: nothing
  std::optional<pb::PipelineStage::Repeat> repeat;
  Settings settings;  // of the job's spec, without parameters
  Settings params;
  std::vector<std::string> said;  // "STAGE.KEY": what SetPipelineKey has set of it
};

struct PipelineFile {
  std::string name;
  std::string usage;
  std::string help;
  std::vector<std::string> inputs;
  std::string output;
  bool keep = false;
  Settings params;
  std::vector<std::string> said;               // those of them that SetPipelineKey has set
  std::map<std::string, ParameterForm> forms;  // of those of them whose values are looked at
  std::vector<JobFlag> flags;
  std::vector<StageFile> stages;
};

// The value of a parameter of the pipeline; null when there is none.
const std::string* FindParam(const PipelineFile& file, std::string_view name);

// Whether a file is a pipeline; false also for one that cannot be read.
bool IsPipelineText(std::string_view toml);
// InvalidArgument with file, line and key.
absl::StatusOr<PipelineFile> ParsePipeline(std::string_view toml, std::string_view source);

// A stage with the spec of its job, to be filled in.
struct LoadedStage {
  StageFile stage;
  SpecFile file;
  std::string plugin = {};  // of this machine; empty: to be looked for
};
// `job` is empty for a stage that is its own spec. What the stage says of its parameters is in the
// spec then, so that they are known before the rest is filled in.
absl::StatusOr<LoadedStage> LoadStage(StageFile stage, SpecFile job);
// False only for a stage that says which parameters it reads, and does not name this one.
bool ReadsParam(const LoadedStage& stage, std::string_view param);
// "STAGE.KEY=VALUE" for any key of the stage's spec, one of its parameters or, of a stage with
// rounds, "repeat.max" and the like; "params.KEY=VALUE" and, where a stage reads such a parameter,
// "KEY=VALUE" for those of the pipeline.
absl::Status SetPipelineKey(std::string_view assignment, PipelineFile* file,
                            std::vector<LoadedStage>* stages);
// InvalidArgument when one of the pipeline's own parameters is set to what it cannot be.
absl::Status CheckPipelineForms(const PipelineFile& file);
// Puts together what the file, the specs and the arguments say, and takes out those of `stages`
// that wait for a parameter which nobody has set (optional_stages.h). The plugins are left to the
// caller.
absl::StatusOr<pb::PipelineSpec> BuildPipeline(const PipelineFile& file,
                                               std::vector<LoadedStage>* stages);

}  // namespace quern::mr
