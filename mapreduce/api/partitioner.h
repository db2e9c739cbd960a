// Base class of partitioners: which reduce task gets a key.
#pragma once

#include <cstdint>
#include <string_view>

#include "mapreduce/api/task_context.h"

namespace quern {

// Must be a pure function of the key: all map tasks have to agree.
class Partitioner {
 public:
  virtual ~Partitioner() = default;

  virtual void Start(TaskContext& context) { static_cast<void>(context); }
  // From 0 to partitions - 1. A larger result fails the attempt.
  virtual uint32_t Partition(std::string_view key, uint32_t partitions) const = 0;

  // Called once by whoever made the object, before Start.
  void Connect(quern_task* task) { context_ = TaskContext(task); }
  TaskContext& context() { return context_; }

 private:
  TaskContext context_;
};

}  // namespace quern
