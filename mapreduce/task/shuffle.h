// Gathers one partition of every map output of a job (MapReduce 2004, section 3.1, step 5).
//
// An output on the same machine is opened directly; its identity header proves that it is the right
// one. The others are fetched over RPC, many outputs per stream: small ones stay in memory up to a
// limit, the rest goes to a scratch file. An output that cannot be had is tried again for as long
// as the reducer lives, and reported after a few failures, so that somebody runs the map task
// again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/engine/merge_runs.h"
#include "mapreduce/engine/run_reader.h"
#include "mapreduce/engine/work_steps.h"
#include "mapreduce/task/map_output_feed.h"
#include "mapreduce/task/task_progress.h"

namespace quern::mr {

// What MergeIntoFile does.
using MergeFunction = std::function<absl::StatusOr<SortedRun>(
    const std::vector<SortedRun>& runs, const std::string& path, SortedRun* failed_run,
    WorkSteps* steps, const std::atomic<bool>* stop)>;

struct ShuffleOptions {
  std::string job_id;
  uint32_t partition = 0;
  uint32_t map_tasks = 0;
  std::string scratch_dir;
  uint64_t memory_bytes = 0;  // for outputs kept in memory
  size_t max_streams = 4;     // each may have 16 MiB under way
  size_t merge_fan_in = 512;  // with twice as many runs here, some are merged meanwhile
  TaskProgress* progress = nullptr;
  // How finely the time spent waiting is told.
  absl::Duration wait_step = absl::Seconds(5);
  Clock* clock = Clock::Real();
  // Of those that are merged meanwhile; called in another thread, one at a time.
  MergeFunction merge = MergeIntoFile;
};

// Runs in the order of the map tasks: one for each map task that has anything for this partition,
// or for neighbours that were merged on the way (early_merge.h). Waits until every map task has an
// output that can be had.
absl::StatusOr<std::vector<SortedRun>> GatherRuns(const ShuffleOptions& options,
                                                  MapOutputFeed* feed);

}  // namespace quern::mr
