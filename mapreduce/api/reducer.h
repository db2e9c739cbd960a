// Base class of reducers and combiners (MapReduce 2004, sections 2 and 4.3).
#pragma once

#include <stdexcept>

#include "mapreduce/api/emit_buffer.h"
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

  // Called by the engine, and by mapreduce/api/testing.h, before Start and around each Reduce.
  void ConnectOutput(EmitBuffer* output) {
    output_ = output != nullptr ? output : internal::NoOutput::Get();
  }
  void EnterGroup(const ReduceInput* in) { group_ = in; }

 protected:
  // Emits under the group's key.
  void Emit(const Field& value) {
    if (group_ == nullptr) throw std::logic_error("Emit(value) outside of Reduce: give a key");
    output_->Append(group_->key(), value.bytes());
  }
  void Emit(const Field& key, const Field& value) { output_->Append(key.bytes(), value.bytes()); }

 private:
  EmitBuffer* output_ = internal::NoOutput::Get();
  const ReduceInput* group_ = nullptr;
};

}  // namespace quern
