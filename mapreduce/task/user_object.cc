#include "mapreduce/task/user_object.h"

#include <utility>

#include "common/clean_text.h"
#include "mapreduce/engine/engine_error.h"
#include "mapreduce/engine/report_limits.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

const quern_host UserObject::kHost = {
    sizeof(quern_host), QUERN_API_VERSION, Param, Counter, SetStatus, Report, Header, File,
    NamedOutput};

UserObject::UserObject(const quern_class& of, std::string who, UserContext* context,
                       EmitBuffer* output)
    : class_(of), who_(std::move(who)), context_(context), output_(output), task_() {
  task_.size = sizeof(quern_task);
  task_.kind = of.kind;
  task_.host = &kHost;
  task_.output = output == nullptr ? nullptr : output->output();
  task_.object = this;
  context->Describe(&task_);
  if (LentMemory* const memory = context->lent_memory()) {
    lender_.emplace(memory, of, context->attempt());
  }
}

absl::StatusOr<std::unique_ptr<UserObject>> UserObject::Create(const quern_class& of,
                                                               std::string who,
                                                               UserContext* context,
                                                               EmitBuffer* output) {
  std::unique_ptr<UserObject> object(new UserObject(of, std::move(who), context, output));
  if (of.create != nullptr) {
    const int result = of.create(&object->task_, &object->self_);
    object->created_ = result == QUERN_OK;
    if (result != QUERN_OK || object->failed()) {
      return object->Failure(result, fmt::format("{}'s constructor", of.name));
    }
  }
  object->created_ = true;
  return object;
}

UserObject::~UserObject() {
  if (created_ && class_.destroy != nullptr) class_.destroy(self_);
}

absl::Status UserObject::Start() { return Call(class_.start, "Start"); }
absl::Status UserObject::Finish() { return Call(class_.finish, "Finish"); }

absl::Status UserObject::Call(int (*function)(void*, quern_task*), std::string_view what) {
  const int result = function == nullptr ? QUERN_OK : function(self_, &task_);
  return result == QUERN_OK && !failed() ? absl::OkStatus() : Failure(result, what);
}

int UserObject::MapLent(const quern_record& record) {
  return lender_->Map(record,
                      [&](const quern_record* lent) { return class_.map(self_, &task_, lent); });
}

int UserObject::MapBatch(quern_batch* batch) {
  const auto call = [&](quern_batch* of) { return class_.map_batch(self_, &task_, of); };
  return lender_ ? lender_->MapBatch(batch, call) : call(batch);
}

int UserObject::ReduceLent(quern_group* group) {
  return lender_->Reduce(group,
                         [&](quern_group* lent) { return class_.reduce(self_, &task_, lent); });
}

absl::Status UserObject::Failure(int result, std::string_view what) const {
  if (output_ != nullptr) RETURN_IF_ERROR(output_->user_status());
  RETURN_IF_ERROR(context_->refused());
  if (reported_ == QUERN_JOB_FAILED || result == QUERN_JOB_FAILED) return JobError(reason_);
  const std::string call = fmt::format("{}{}{}", who_, who_.empty() ? "" : " ", what);
  if (result == QUERN_SKIPPED)
    return UserError(fmt::format("{}: there is no record to skip", call));
  if (reason_.empty()) return UserError(fmt::format("{} failed and gave no reason", call));
  return UserError(fmt::format("{} failed: {}", call, reason_));
}

quern_bytes UserObject::Param(quern_task* task, const char* name, size_t size) noexcept {
  const std::string* const value = Of(task)->context_->param({name, size});
  return value == nullptr ? quern_bytes{nullptr, 0} : quern_bytes{value->data(), value->size()};
}

quern_counter* UserObject::Counter(quern_task* task, const char* name, size_t size) noexcept {
  return Of(task)->context_->counter({name, size});
}

void UserObject::SetStatus(quern_task* task, const char* text, size_t size) noexcept {
  Of(task)->context_->SetStatus({text, size});
}

int UserObject::Report(quern_task* task, int result, const char* reason, size_t size) noexcept {
  UserObject* const object = Of(task);
  // A failure stands, whatever user code does afterwards.
  if (object->failed() || result == QUERN_OK) return result;
  object->reported_ = result;
  object->reason_ = CleanLine({reason, size}, kMaxFailureBytes);
  return result;
}

quern_bytes UserObject::Header(quern_task* task, const char* name, size_t size) noexcept {
  UserObject* const object = Of(task);
  std::string_view value = object->context_->header({name, size});
  if (object->lender_) value = object->lender_->LendHeader(value, {name, size});
  return {value.data(), value.size()};
}

quern_bytes UserObject::File(quern_task* task, const char* name, size_t size) noexcept {
  const std::string* const path = Of(task)->context_->file({name, size});
  return path == nullptr ? quern_bytes{nullptr, 0} : quern_bytes{path->data(), path->size()};
}

quern_output* UserObject::NamedOutput(quern_task* task, const char* name, size_t size) noexcept {
  return Of(task)->context_->output(task->kind, {name, size});
}

uint32_t UserPartitioner::Partition(std::string_view key, uint32_t partitions) const {
  const uint32_t partition = object_->Partition(key, partitions);
  if (object_->failed()) [[unlikely]] {
    throw EngineError(OfNoRecord(object_->Failure(QUERN_FAILED, "Partition")));
  }
  return partition;
}

absl::StatusOr<std::unique_ptr<UserCombiner>> UserCombiner::Create(const quern_class& of,
                                                                   UserContext* context) {
  auto combiner = std::make_unique<UserCombiner>();
  ASSIGN_OR_RETURN(combiner->object_,
                   UserObject::Create(of, "the combiner's", context, &combiner->output_));
  return combiner;
}

absl::Status UserCombiner::Combine(GroupSource* group, const Take& take) {
  output_.Enter(group, &take);
  const int result = object_->Reduce(group->group());
  output_.Enter(nullptr, nullptr);
  if (result == QUERN_OK && !object_->failed()) [[likely]]
    return absl::OkStatus();
  return OfNoRecord(object_->Failure(result, "Combine"));
}

void UserCombiner::Output::AppendSlow(std::string_view key, std::string_view value) {
  // Another key could belong to another partition, or break the order of a sorted run.
  const absl::Status status =
      group_ == nullptr
          ? FailedPreconditionError("Emit in Start or Finish of a combiner: only Combine may emit")
      : key == group_->key()
          ? (*take_)(key, value)
          : InvalidArgumentError("a combiner may emit only under its group's key");
  if (!status.ok()) throw EngineError(status);
}

}  // namespace quern::mr
