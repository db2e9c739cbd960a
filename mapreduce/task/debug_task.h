// One task of a job of a cluster, run once more in this process: `mr debug`.
//
// A map reads its split again. A reduce takes the map outputs that its job still holds; maps whose
// output cannot be had are run here first. Nothing of the cluster is written. Records that the job
// stepped over are not: they are what somebody wants to see.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/file_system.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/local_tasks.h"
#include "mapreduce/task/plugin.h"
#include "quern/mr/v1/task.pb.h"

namespace quern::mr {

// Makes the file kHasSaid.
void NoteThatItHasSaid(const std::string& scratch_dir);

// Used by one thread.
class DebugTask {
 public:
  DebugTask(pb::DebugRun run, uint32_t threads, client::ClientOptions dfs);
  ~DebugTask();

  // Before Run. Borrowed; null: user code is not checked.
  void SetLentMemory(LentMemory* memory) { lent_memory_ = memory; }
  // Before Run. Borrowed; null: nobody looks whether user code has closed one. The page of the task
  // gets it, which whoever started this process reads.
  void SetHeld(HeldDescriptors* held) { held_ = held; }
  // What the task has left behind; its files are in the directories that the run names.
  absl::StatusOr<pb::AttemptResult> Run();

 private:
  // A map of the job as an attempt that no worker has.
  pb::TaskSpec MapTask(uint32_t task) const;
  absl::StatusOr<pb::AttemptResult> RunReduce(const LocalTasks::Tools& tools);
  // Runs those of which nothing is known, into `feed`.
  absl::Status RunMissingMaps(MapOutputFeed* feed);
  // A map output could not be had. Called by the reduce, which waits for it meanwhile.
  void RunAgain(uint32_t map_task, const std::string& why, MapOutputFeed* feed);

  const pb::DebugRun run_;
  const uint32_t threads_;
  const std::unique_ptr<Storage> storage_;
  LentMemory* lent_memory_ = nullptr;
  HeldDescriptors* held_ = nullptr;
  std::unique_ptr<RecordPositionWriter> position_;
  std::unique_ptr<Plugin> plugin_;
  std::unique_ptr<LocalTasks> tasks_;
};

}  // namespace quern::mr
