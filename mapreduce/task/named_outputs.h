// The outputs of an attempt beside its main one: `[outputs.NAME]` of the spec.
// Each lies in a directory of its own, under the name of the task.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/lazy_output.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Used by the task's thread.
class NamedOutputs {
 public:
  // Borrowed. In a sample attempt everything is thrown away.
  NamedOutputs(const pb::TaskSpec& spec, const TaskEnvironment& environment);

  // A JobError with the names that there are when the job declares none of this one.
  absl::StatusOr<EmitBuffer*> Find(std::string_view name);
  // The first error of a record that user code has written, which it may have swallowed.
  absl::Status user_status() const;
  // Makes the files durable and says what they are.
  absl::Status Finish(pb::AttemptResult* result);
  // Records written to each output that the job declares.
  std::map<std::string, uint64_t> records() const;

 private:
  std::map<std::string, std::unique_ptr<LazyOutput>, std::less<>> outputs_;
};

}  // namespace quern::mr
