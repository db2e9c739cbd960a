// When the output of a stage may be taken from an earlier run: when everything that it depends on
// has the same fingerprint as then.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mapreduce/engine/messages.h"
#include "mapreduce/plan/pipeline_rules.h"
#include "mapreduce/plan/split_planner.h"
#include "quern/mr/v1/pipelines.pb.h"

namespace quern::mr {

// Of the files that a stage reads from users' paths: their names, lengths and identities.
std::string DigestInputs(const std::vector<SplitInput>& inputs);

// One for each stage: over its spec, the hashes of its plugin and side files, the digest of what it
// reads from users' paths, and the fingerprints of the stages that it reads. Names that are only
// shown, the user, and where the output is published do not count; nor does how many rounds a stage
// may have, for itself: what it has after some of them is the same. To those that read it it does.
std::vector<std::string> FingerprintStages(const pb::PipelineSpec& spec, const PipelineGraph& graph,
                                           const std::vector<std::string>& input_digests);

}  // namespace quern::mr
