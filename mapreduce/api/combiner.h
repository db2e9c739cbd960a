// Base class of combiners (MapReduce 2004, section 4.3).
#pragma once

#include <stdexcept>

#include "mapreduce/api/boundary.h"
#include "mapreduce/api/field.h"
#include "mapreduce/api/reduce_input.h"
#include "mapreduce/api/task_context.h"

namespace quern {

// Makes few values of many on the map side, before anything is sent. It runs on any part of a key's
// values, any number of times, also on what it has emitted itself: it must be associative and
// commutative. What can be said as one state a key is better a fold (fold.h).
class Combiner {
 public:
  virtual ~Combiner() = default;

  virtual void Start(TaskContext& context) { static_cast<void>(context); }
  virtual void Combine(ReduceInput* in) = 0;

  // Called once by whoever made the object, before Start.
  void Connect(quern_task* task) {
    context_ = TaskContext(task);
    output_ = task->output;
  }
  // What Start gets; also for Combine.
  TaskContext& context() { return context_; }
  // Combine, with Emit going to the group's key.
  void ReduceGroup(quern_group* group) {
    struct Leave {
      const quern_group** group;
      ~Leave() { *group = nullptr; }
    } leave{&group_};
    ReduceInput in(group);
    group_ = group;
    Combine(&in);
  }
  // Nothing comes after the last group.
  void Finish() {}

 protected:
  // Under the group's key: another one could belong to another reduce task.
  __attribute__((always_inline)) void Emit(const Field& value) {
    if (group_ == nullptr) throw std::logic_error("Emit outside of Combine");
    internal::Emit(output_, internal::View(group_->key), value.bytes());
  }

 private:
  TaskContext context_;
  quern_output* output_ = internal::NoOutput();
  const quern_group* group_ = nullptr;
};

}  // namespace quern
