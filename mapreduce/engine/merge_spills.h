// Merges the spills of a map task into its output.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/block.h"
#include "mapreduce/engine/combiner.h"
#include "mapreduce/engine/map_output_file.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

struct MergeSpillsOptions {
  MapOutputIdentity identity;
  uint32_t partitions = 1;
  Codec codec = Codec::kNone;
  std::string scratch_dir;
  size_t fan_in = 64;  // at least 2
  WorkSteps* steps = nullptr;
};

// `spills` in the order in which they were made, so that equal keys keep the order of their emits.
// They are removed. More than fan_in of them take several passes. With a combiner, the values of a
// key are combined by the last pass.
absl::Status MergeSpills(const MergeSpillsOptions& options, std::vector<std::string> spills,
                         Combiner* combiner, const std::string& output_path);

}  // namespace quern::mr
