// What a job would do if it were run now, and what would stop it. Everything is only read: `mr
// explain` and `--dry-run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/file_system.h"
#include "common/cli/json_line.h"
#include "common/status.h"
#include "mapreduce/cli/on_this_machine.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/plugin_info.h"
#include "mapreduce/plan/split_planner.h"
#include "quern/mr/v1/pipelines.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

struct JobExplanation {
  std::string stage;    // of a pipeline; empty: a job of its own
  std::string state;    // what becomes of the stage: "runs", "reused", ...
  uint32_t rounds = 1;  // at most
  pb::JobSpec spec;     // with defaults and classes filled in, as far as they are known
  // That its classes read; not said: unknown.
  std::optional<std::vector<std::string>> parameters;
  struct Input {
    std::string path;
    std::string format;
    std::map<std::string, size_t> files_of;  // by format, where files have others than the input
    std::string mapper;
    bool of_stage = false;  // another stage's output: nothing is known of its size
    size_t files = 0;
    uint64_t bytes = 0;
    size_t splits = 0;
  };
  std::vector<Input> inputs;
  std::vector<pb::Split> splits;
  std::map<std::string, uint64_t> bytes_on;  // of the input, by machine that has a copy
  // Why it would be refused.
  std::vector<std::string> problems;

  bool size_is_known() const;
  uint64_t bytes() const;
};

// Finds the inputs and outputs of jobs. Not thread-safe.
class JobExplainer {
 public:
  // Borrowed. `slots` of the cluster choose the reduce tasks of a job whose spec names no number;
  // 0: not known. `said` is for next steps.
  JobExplainer(client::FileSystem* dfs, uint32_t slots, bool local, SaidPaths said = {})
      : dfs_(dfs), slots_(slots), local_(local), said_(std::move(said)) {
    said_.local = local;
  }

  // Of a job, its own problems first. The spec is the user's; `plugin` is what is in its plugin.
  JobExplanation Explain(pb::JobSpec spec, const PluginInfo& plugin);
  // The same of a stage, without its outputs.
  JobExplanation ExplainStage(const pb::PipelineStage& stage, const PluginInfo& plugin);
  // Notes why nothing may be written there.
  void CheckOutput(const std::string& path, bool overwrite, const std::vector<SplitInput>& inputs,
                   JobExplanation* plan);
  // All files that ExplainStage has found.
  const std::vector<SplitInput>& inputs() const { return all_inputs_; }

 private:
  void FindInputs(JobExplanation* plan);
  void CheckSideFiles(JobExplanation* plan);
  void NoteProblem(const absl::Status& status, JobExplanation* plan);

  client::FileSystem* const dfs_;
  const uint32_t slots_;
  const bool local_;
  SaidPaths said_;
  std::vector<SplitInput> all_inputs_;
  bool away_ = false;  // nobody answers for the file system
};

// Several lines; of the splits so many.
std::string ExplanationText(const JobExplanation& plan, size_t splits);
JsonLine ExplanationJson(const JobExplanation& plan);

}  // namespace quern::mr
