// Runs task attempts in this process, on a few threads: for jobs of one machine, and for tasks that
// are debugged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/sort_sink.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/map_output_feed.h"
#include "mapreduce/task/plugin.h"
#include "mapreduce/task/user_context.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Thread-safe.
class LocalTasks {
 public:
  struct Options {
    std::string job_name;  // for the progress line
    uint32_t threads = 1;
    // Borrowed.
    const Plugin* plugin = nullptr;
    Storage* storage = nullptr;
    Clock* clock = Clock::Real();
    std::string scratch_dir;  // each attempt gets a directory below it
    SideFiles files;
    LentMemory* lent_memory = nullptr;      // null: nothing is checked
    const HeldDescriptors* held = nullptr;  // null: nobody looks whether they are closed
    bool quiet = false;                     // no progress
  };
  using Results = std::vector<pb::AttemptResult>;

  explicit LocalTasks(Options options) : options_(std::move(options)) {}

  // Runs them in any order, at most `threads` at once, until the first error.
  absl::StatusOr<Results> RunAll(std::string_view what, const std::vector<pb::TaskSpec>& tasks);

  // What one attempt works with besides. All borrowed.
  struct Tools {
    std::unique_ptr<SortBuffers>* buffers = nullptr;
    RecordPositionWriter* position = nullptr;  // null: nobody else looks
    MapOutputFeed* feed = nullptr;             // of a reduce
  };
  // An error names the attempt and the record.
  absl::StatusOr<pb::AttemptResult> RunOne(const pb::TaskSpec& task, const Tools& tools);

 private:
  absl::StatusOr<pb::AttemptResult> RunWithOutputs(const pb::TaskSpec& task,
                                                   std::unique_ptr<SortBuffers>* buffers);

  const Options options_;
};

}  // namespace quern::mr
