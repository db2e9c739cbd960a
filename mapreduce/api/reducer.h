// Base class of reducers and combiners (MapReduce 2004, sections 2 and 4.3).
#pragma once

#include <stdexcept>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/field.h"
#include "mapreduce/api/reduce_input.h"
#include "mapreduce/api/task_context.h"

namespace quern {

// One object per reduce task, used by one thread: Start, Reduce for every key in increasing order
// (as bytes), Finish. An exception that leaves any of them fails the attempt.
//
// A combiner is a reducer that runs on the map side, on any part of a key's values, any number of
// times: it must be associative and commutative and emit only under its group's key, in Reduce.
class Reducer {
 public:
  virtual ~Reducer() = default;

  virtual void Start(TaskContext& context) { static_cast<void>(context); }
  virtual void Reduce(ReduceInput* in) = 0;
  // After the last key; may still emit, with a key.
  virtual void Finish() {}

  // Called once by whoever made the object, before Start.
  void Connect(quern_task* task) {
    context_ = TaskContext(task);
    output_ = task->output;
  }
  // What Start gets; also for Reduce and Finish.
  TaskContext& context() { return context_; }
  // Reduce, with Emit(value) going to the group's key.
  void ReduceGroup(quern_group* group) {
    struct Leave {
      const quern_group** group;
      ~Leave() { *group = nullptr; }
    } leave{&group_};
    ReduceInput in(group);
    group_ = group;
    Reduce(&in);
  }

 protected:
  // Emits under the group's key.
  __attribute__((always_inline)) void Emit(const Field& value) {
    if (group_ == nullptr) throw std::logic_error("Emit(value) outside of Reduce: give a key");
    internal::Emit(output_, internal::View(group_->key), value.bytes());
  }
  __attribute__((always_inline)) void Emit(const Field& key, const Field& value) {
    internal::Emit(output_, key.bytes(), value.bytes());
  }

 private:
  TaskContext context_;
  quern_output* output_ = internal::NoOutput();
  const quern_group* group_ = nullptr;
};

}  // namespace quern
