// Turns a spec into a plan: finds the input, cuts it into splits, refuses early what cannot work.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/coordinator/service/job.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/plugin_check.h"
#include "mapreduce/plan/split_planner.h"

namespace quern::mr {

// Thread-safe.
class JobPlanner {
 public:
  virtual ~JobPlanner() = default;
  // AlreadyExists: the output is there. FailedPrecondition: it is, and --overwrite may not replace
  // it (overwrite_rules.h). NotFound: an input matches nothing, a class is missing.
  // InvalidArgument: see CheckJobSpec. `cluster_slots` bounds the default number of reduce tasks.
  virtual absl::StatusOr<PlannedJob> Plan(pb::JobSpec spec, uint32_t cluster_slots) = 0;
};

// Plans over the distributed file system.
class Planner final : public JobPlanner {
 public:
  // Borrowed.
  explicit Planner(client::FileSystem* dfs) : dfs_(dfs), plugins_(dfs) {}
  absl::StatusOr<PlannedJob> Plan(pb::JobSpec spec, uint32_t cluster_slots) override;

 private:
  // What the job replaces, all of which may be replaced.
  absl::StatusOr<std::vector<std::string>> CheckOutputPaths(const pb::JobSpec& spec);
  absl::StatusOr<std::vector<SplitInput>> FindInputs(const pb::JobSpec& spec, uint64_t* bytes);

  client::FileSystem* const dfs_;
  PluginChecker plugins_;
};

}  // namespace quern::mr
