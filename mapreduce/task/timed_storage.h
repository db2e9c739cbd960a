// Storage whose waiting is counted: for input as reading, for output as writing.
#pragma once

#include <memory>

#include "mapreduce/engine/storage.h"
#include "mapreduce/task/task_times.h"

namespace quern::mr {

// Borrows both.
std::unique_ptr<Storage> MakeTimedStorage(Storage* storage, TaskTimes* times);

}  // namespace quern::mr
