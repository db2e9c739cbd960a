// An output file of an attempt that is made when its first record comes, so that a task that has
// nothing to say to an output leaves nothing there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/output_sink.h"
#include "mapreduce/task/task_environment.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Used by the task's thread.
class LazyOutput final : public EmitBuffer {
 public:
  // What is written to this one is thrown away.
  LazyOutput() = default;
  // In `dir`, under the name of the task. All borrowed.
  LazyOutput(const pb::TaskSpec* spec, const TaskEnvironment* environment,
             const pb::JobSpec::Output* output, std::string dir)
      : spec_(spec), environment_(environment), output_(output), dir_(std::move(dir)) {}

  uint64_t records() const { return sink_ == nullptr ? 0 : sink_->records(); }
  // Makes the file durable and says what it is, if there is one.
  absl::Status Finish(std::string_view name, pb::AttemptResult* result);

 private:
  void AppendSlow(std::string_view key, std::string_view value) override;
  void Open();

  const pb::TaskSpec* const spec_ = nullptr;
  const TaskEnvironment* const environment_ = nullptr;
  const pb::JobSpec::Output* const output_ = nullptr;
  const std::string dir_;
  std::string path_;
  std::unique_ptr<OutputSink> sink_;
};

}  // namespace quern::mr
