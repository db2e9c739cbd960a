// How `mr` shows pipelines; jobs are in format.h.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <vector>

#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/jobs.pb.h"

namespace quern::mr {

inline bool IsPipeline(const pb::JobStatus& status) { return !status.stages().empty(); }

// "pipeline-1 pagerank: RUNNING, 1 of 3 stages, ranks round 7 map 42% reduce 0%".
std::string PipelineProgressLine(const pb::JobStatus& status);
// "3/5": stages that have ended or need not run.
std::string StagesDone(const pb::JobStatus& status);
// The jobs that a pipeline has run itself, in the order of its stages: of each the newest round.
struct StageJob {
  std::string stage;
  std::string job_id;
};
std::vector<StageJob> JobsOf(const pb::JobStatus& status);
// One line for each stage.
std::string StageTable(const pb::JobStatus& status, absl::Time now);

}  // namespace quern::mr
