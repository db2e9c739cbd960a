// Reduces the number of runs of a reduce task to what can be merged at once.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/run_reader.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

// Writes one run to a new file at `path`, whose name is gone when it returns: the file lives as
// long as the run. `*failed_run` is the run that a DataLoss came from. Cancelled soon after
// `*stop`, if given, was set by another thread.
absl::StatusOr<SortedRun> MergeIntoFile(const std::vector<SortedRun>& runs, const std::string& path,
                                        SortedRun* failed_run, WorkSteps* steps,
                                        const std::atomic<bool>* stop = nullptr);

// Merges neighbours into files of `scratch_dir` until at most `fan_in` runs (at least 2) are left
// that need a buffer while they are read; runs in memory that need none stay as they are unless
// they lie between such. They keep their order. `*failed_run` as for MergeIntoFile.
absl::Status MergeToFanIn(size_t fan_in, const std::string& scratch_dir,
                          std::vector<SortedRun>* runs, SortedRun* failed_run,
                          WorkSteps* steps = nullptr);

}  // namespace quern::mr
