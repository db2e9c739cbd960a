// Base class of mappers (MapReduce 2004, section 2).
#pragma once

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/field.h"
#include "mapreduce/api/map_input.h"
#include "mapreduce/api/task_context.h"

namespace quern {

// One object per map task, used by one thread: Start, Map for every record of the split in order,
// Finish. An exception that leaves any of them fails the attempt, with its text as the reason.
class Mapper {
 public:
  virtual ~Mapper() = default;

  virtual void Start(TaskContext& context) { static_cast<void>(context); }
  virtual void Map(const MapInput& in) = 0;
  // After the last record; may still emit.
  virtual void Finish() {}

  // Called once by whoever made the object, before Start.
  void Connect(quern_task* task) {
    context_ = TaskContext(task);
    output_ = task->output;
  }
  // What Start gets; also for Map and Finish.
  TaskContext& context() { return context_; }

 protected:
  // Hands on one record. Text or numbers; see Field. Inlined wherever it stands: sizes that are
  // known there make it two moves.
  __attribute__((always_inline)) void Emit(const Field& key, const Field& value) {
    internal::Emit(output_, key.bytes(), value.bytes());
  }

 private:
  TaskContext context_;
  quern_output* output_ = internal::NoOutput();
};

}  // namespace quern
