// Said before a job runs whose outputs are to have more copies than there are chunkservers.
#pragma once

#include <cstdint>
#include <string_view>

#include "mapreduce/cli/command.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/pipelines.pb.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

// The most copies that an output in the cluster is to have; 0: none says how many. Of a pipeline:
// those that are published, since the coordinator decides about what lies between its stages.
uint32_t MostCopies(const pb::JobSpec& job);
uint32_t MostCopies(const pb::PipelineSpec& spec);

// A line on stderr in the words of `dfs put`, when there are too few. `command` as in "mr run".
void WarnOfMissingServers(const Session& session, std::string_view command, uint32_t copies);

}  // namespace quern::mr
