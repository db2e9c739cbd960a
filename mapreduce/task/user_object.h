// One object of a user's class, behind the functions of quern.h.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "mapreduce/api/quern.h"
#include "mapreduce/engine/combiner.h"
#include "mapreduce/engine/emit_buffer.h"
#include "mapreduce/engine/partitioner.h"
#include "mapreduce/task/lender.h"
#include "mapreduce/task/user_context.h"

namespace quern::mr {

// Used by the task's thread.
class UserObject {
 public:
  // `output` is where it emits to, null for a partitioner. All borrowed. Errors begin with `who`
  // ("the combiner's"), which may be empty.
  static absl::StatusOr<std::unique_ptr<UserObject>> Create(const quern_class& of, std::string who,
                                                            UserContext* context,
                                                            EmitBuffer* output);
  ~UserObject();
  UserObject(const UserObject&) = delete;
  UserObject& operator=(const UserObject&) = delete;

  absl::Status Start();
  absl::Status Finish();

  // QUERN_OK or QUERN_SKIPPED for most records; for anything else Failure says what it was.
  int Map(const quern_record& record) {
    if (lender_) [[unlikely]]
      return MapLent(record);
    return class_.map(self_, &task_, &record);
  }
  // Whether its class takes batches, and perhaps nothing else.
  bool maps_batches() const { return class_.map_batch != nullptr; }
  int MapBatch(quern_batch* batch);
  int Reduce(quern_group* group) {
    if (lender_) [[unlikely]]
      return ReduceLent(group);
    return class_.reduce(self_, &task_, group);
  }
  uint32_t Partition(std::string_view key, uint32_t partitions) {
    if (lender_) [[unlikely]]
      key = lender_->Lend(key, "a key", "Partition");
    const uint32_t partition = class_.partition(self_, &task_, key.data(), key.size(), partitions);
    if (lender_) [[unlikely]]
      lender_->TakeBack();
    return partition;
  }
  // What other functions of the class are called with.
  void* self() const { return self_; }
  quern_task* task() { return &task_; }
  // Null unless what its calls are shown is only lent to them.
  Lender* lender() { return lender_ ? &*lender_ : nullptr; }
  // The error of the call `what` that returned `result`: the engine's own where it has one.
  absl::Status Failure(int result, std::string_view what) const;
  // Whether the object reported a failure, or could not emit: also when user code has swallowed it.
  bool failed() const {
    return reported_ == QUERN_FAILED || reported_ == QUERN_JOB_FAILED ||
           (output_ != nullptr && !output_->user_status().ok());
  }
  // What was given with the last QUERN_SKIPPED; empty when nothing was.
  std::string TakeReason() { return std::exchange(reason_, {}); }

 private:
  struct Task : quern_task {
    UserObject* object;
  };
  UserObject(const quern_class& of, std::string who, UserContext* context, EmitBuffer* output);
  static UserObject* Of(quern_task* task) { return static_cast<Task*>(task)->object; }
  static quern_bytes Param(quern_task* task, const char* name, size_t size) noexcept;
  static quern_counter* Counter(quern_task* task, const char* name, size_t size) noexcept;
  static void SetStatus(quern_task* task, const char* text, size_t size) noexcept;
  static int Report(quern_task* task, int result, const char* reason, size_t size) noexcept;
  static quern_bytes Header(quern_task* task, const char* name, size_t size) noexcept;
  static quern_bytes File(quern_task* task, const char* name, size_t size) noexcept;
  static quern_output* NamedOutput(quern_task* task, const char* name, size_t size) noexcept;
  static const quern_host kHost;

  absl::Status Call(int (*function)(void*, quern_task*), std::string_view what);
  int MapLent(const quern_record& record);
  int ReduceLent(quern_group* group);

  const quern_class class_;
  const std::string who_;
  UserContext* const context_;
  EmitBuffer* const output_;
  std::optional<Lender> lender_;
  Task task_;
  void* self_ = nullptr;
  bool created_ = false;
  int reported_ = QUERN_OK;  // the worst that was reported
  std::string reason_;
};

// The user's partitioner, as the engine asks it.
class UserPartitioner final : public Partitioner {
 public:
  explicit UserPartitioner(UserObject* object) : object_(object) {}
  uint32_t Partition(std::string_view key, uint32_t partitions) const override;

 private:
  UserObject* const object_;
};

// The user's combiner, as the engine runs it.
class UserCombiner final : public Combiner {
 public:
  static absl::StatusOr<std::unique_ptr<UserCombiner>> Create(const quern_class& of,
                                                              UserContext* context);
  absl::Status Start() { return object_->Start(); }
  absl::Status Finish() { return object_->Finish(); }
  absl::Status Combine(GroupSource* group, const Take& take) override;

 private:
  // Opens no window: every record comes through, which is cheap enough for what is left after
  // combining. Checks that it stays under its group's key.
  class Output final : public EmitBuffer {
   public:
    void Enter(const GroupSource* group, const Take* take) {
      group_ = group;
      take_ = take;
    }

   private:
    void AppendSlow(std::string_view key, std::string_view value) override;
    const GroupSource* group_ = nullptr;
    const Take* take_ = nullptr;
  };

  Output output_;
  std::unique_ptr<UserObject> object_;
};

}  // namespace quern::mr
