// The TaskContext that user classes see.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/api/task_context.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/task_progress.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Used by the task's thread.
class UserContext final : public TaskContext {
 public:
  // Borrowed, both.
  UserContext(const pb::TaskSpec& spec, TaskProgress* progress)
      : spec_(spec), job_(spec.job()), progress_(progress) {}

  std::string_view param(std::string_view name, std::string_view fallback) const override;
  // Throws an EngineError for a name that is too long, and for one more than a task may have.
  Counter* counter(std::string_view name) override;
  void SetStatus(std::string_view text) override { progress_->SetStatus(text); }
  [[noreturn]] void Fail(std::string_view reason) override;
  std::string_view input_format() const override;
  uint32_t task_index() const override { return spec_.id().task(); }
  uint32_t reduce_tasks() const override { return job_.reduce().tasks(); }

  // Sets one of the engine's own counters, group "quern".
  void SetEngineCounter(std::string_view name, uint64_t value);
  // Everything counted, for the attempt's result. Fails when a counter was refused, also when user
  // code has swallowed the exception.
  absl::Status ExportCounters(pb::AttemptResult* result) const;

 private:
  const pb::TaskSpec& spec_;
  const pb::JobSpec& job_;
  TaskProgress* const progress_;
  std::map<std::string, Counter, std::less<>> user_;
  std::map<std::string, uint64_t, std::less<>> engine_;
  absl::Status refused_;  // a counter
};

}  // namespace quern::mr
