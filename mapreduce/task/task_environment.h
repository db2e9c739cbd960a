// What an attempt works with, whoever runs it: a worker's child process or local mode.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/clock.h"
#include "mapreduce/engine/record_position.h"
#include "mapreduce/engine/sort_sink.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/task/held_descriptors.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/plugin.h"
#include "mapreduce/task/task_progress.h"

namespace quern::mr {

// Borrowed by the attempt, all of it. One attempt at a time.
struct TaskEnvironment {
  const Plugin* plugin = nullptr;
  Storage* storage = nullptr;
  std::string scratch_dir;
  std::string node;  // this machine's name
  // Name -> path of the job's side files.
  std::map<std::string, std::string, std::less<>> files;
  RecordPositionWriter* position = nullptr;
  TaskProgress* progress = nullptr;
  // Kept from one attempt to the next, since fresh memory is expensive.
  std::unique_ptr<SortBuffers>* sort_buffers = nullptr;
  // With one, user code is shown copies that end when the interface says so (lender.h).
  LentMemory* lent_memory = nullptr;
  // With them, the process ends when user code has closed one.
  const HeldDescriptors* held = nullptr;
  Clock* clock = Clock::Real();
};

}  // namespace quern::mr
