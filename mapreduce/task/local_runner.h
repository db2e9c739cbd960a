// A whole job in one process: for development, debugging and small inputs. Splits, sorting, merging
// and output formats are the engine's own, so parts and counters are those of a cluster.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.h"
#include "common/status.h"
#include "common/subprocess.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/leftovers.h"
#include "mapreduce/task/lent_memory.h"

namespace quern::mr {

struct LocalOptions {
  std::string spec_file;      // a serialized JobSpec; its plugin.path is a file of this machine
  std::string pipeline_file;  // or a serialized PipelineSpec, the same of its stages
  std::string debug_file;     // or a serialized DebugRun: one task of a job of a cluster
  std::string tasks;          // of a job: only these; empty = all
  bool check = false;         // user code is shown copies that end when they may (lender.h)
  uint32_t threads = 0;       // tasks at once; 0 = the number of cores
  bool quiet = false;         // says nothing of what succeeds, but warns
  bool json = false;          // how it ended is one object on stdout; an error before that as well
  std::string master;         // HOST:PORT list; empty = as cluster_config.h finds it
  Leftovers* leftovers = nullptr;    // borrowed: notes what a job or a pipeline makes on the way
  const FaultNote* fault = nullptr;  // borrowed: what a check of a job or a pipeline has found
  HeldDescriptors* held = nullptr;   // borrowed: user code that closes one ends the process
  Clock* clock = Clock::Real();
};

// Progress and errors on stderr; with `json` the end as `mr status --json` has it, with no id and
// no numbers of tasks. An exit code of common/cli/cli.h: kExitRejected when the job cannot be
// started (output exists, no input, a class is missing).
int RunLocal(const LocalOptions& options);
int RunLocalPipeline(const LocalOptions& options);
int RunDebug(const LocalOptions& options);
// Both after the process of a run has ended, which has noted something and not cleared it if it was
// cut short.
void RemoveLeftovers(const LocalOptions& options);
// Says what has cut it short, which it could not say itself, and at which record as far as that is
// known; call it before RemoveLeftovers. The exit code of that; nothing where it ended by itself,
// or somebody has interrupted it.
std::optional<int> DescribeCutShort(const LocalOptions& options, absl::Time started,
                                    const ExitStatus& exit);

}  // namespace quern::mr
