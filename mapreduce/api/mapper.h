// Base class of mappers (MapReduce 2004, section 2).
#pragma once

#include "mapreduce/api/emit_buffer.h"
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

  // Called by the engine, and by mapreduce/api/testing.h, before Start.
  void ConnectOutput(EmitBuffer* output) { output_ = output; }

 protected:
  // Hands on one record. Text or numbers; see Field.
  void Emit(const Field& key, const Field& value) { output_->Append(key.bytes(), value.bytes()); }

 private:
  EmitBuffer* output_ = internal::NoOutput::Get();
};

}  // namespace quern
