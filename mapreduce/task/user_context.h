// What the objects of a user's classes know of their task: the host table of quern.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/engine/messages.h"
#include "mapreduce/engine/record_reader.h"
#include "mapreduce/engine/task_id.h"
#include "mapreduce/task/lent_memory.h"
#include "mapreduce/task/named_outputs.h"
#include "mapreduce/task/task_progress.h"
#include "quern/mr/v1/worker.pb.h"

namespace quern::mr {

// Name -> path.
using SideFiles = std::map<std::string, std::string, std::less<>>;

// Shared by all objects of a task. Used by the task's thread.
class UserContext {
 public:
  // All borrowed.
  UserContext(const pb::TaskSpec& spec, TaskProgress* progress, const SideFiles* files = nullptr);
  UserContext(const UserContext&) = delete;
  UserContext& operator=(const UserContext&) = delete;

  // With one, what user code is shown is lent to it (lender.h). Borrowed.
  void SetLentMemory(LentMemory* memory) { lent_memory_ = memory; }
  LentMemory* lent_memory() const { return lent_memory_; }
  // "m-00017.0".
  std::string attempt() const { return FormatAttempt(spec_.id()); }

  // Fills in what is the same for all objects of the task.
  void Describe(quern_task* task) const;

  // Null when it is not set.
  const std::string* param(std::string_view name) const;
  // Null when the job has no such file.
  const std::string* file(std::string_view name) const;
  // Null for a name that is too long, and for one more than a task may have.
  quern_counter* counter(std::string_view name);
  void SetStatus(std::string_view text) { progress_->SetStatus(text); }

  // None: for tasks without outputs.
  void SetOutputs(NamedOutputs* outputs) { outputs_ = outputs; }
  // For an object of this kind. Null when it can have none, or the job has none of that name;
  // refused() says why.
  quern_output* output(uint32_t kind, std::string_view name);

  // Where headers of the present record are asked for; null between inputs.
  void SetReader(const RecordReader* reader) { reader_ = reader; }
  std::string_view header(std::string_view name) const {
    return reader_ == nullptr ? std::string_view() : reader_->header(name);
  }

  // Why a counter or an output was refused, or what a record could not be written for.
  absl::Status refused() const;
  // Sets one of the engine's own counters, group "quern".
  void SetEngineCounter(std::string_view name, uint64_t value);
  // Everything counted, for the attempt's result. Fails when a counter was refused, also when user
  // code has swallowed the error.
  absl::Status ExportCounters(pb::AttemptResult* result) const;
  // Makes the named outputs durable, for the attempt's result, and counts their records.
  absl::Status FinishOutputs(pb::AttemptResult* result);

 private:
  const pb::TaskSpec& spec_;
  const pb::JobSpec& job_;
  TaskProgress* const progress_;
  const SideFiles* const files_;
  NamedOutputs* outputs_ = nullptr;
  LentMemory* lent_memory_ = nullptr;
  const RecordReader* reader_ = nullptr;
  std::vector<quern_piece> pieces_;
  std::map<std::string, quern_counter, std::less<>> user_;
  std::map<std::string, uint64_t, std::less<>> engine_;
  absl::Status refused_;  // a counter or an output
};

}  // namespace quern::mr
