#include "mapreduce/task/user_fold.h"

#include <cstring>
#include <utility>

#include "mapreduce/engine/engine_error.h"
#include "mapreduce/task/user_code.h"

namespace quern::mr {

absl::StatusOr<std::unique_ptr<UserFold>> UserFold::Create(const quern_class& of,
                                                           UserContext* context,
                                                           EmitBuffer* output) {
  ASSIGN_OR_RETURN(auto object, UserObject::Create(of, "", context, output));
  RETURN_IF_ERROR(object->Start());
  return std::unique_ptr<UserFold>(new UserFold(of.fold, std::move(object)));
}

UserFold::UserFold(const quern_fold* fold, std::unique_ptr<UserObject> object)
    : fold_(fold),
      state_bytes_(fold->state_bytes),
      object_(std::move(object)),
      state_((state_bytes_ + 7) / 8),
      other_(state_.size()) {}

void UserFold::Add(char* state, std::string_view value, uint64_t repeats) {
  Lender* const lender = object_->lender();
  if (lender != nullptr) [[unlikely]]
    value = lender->Lend(value, "a value", "Add");
  const int result =
      fold_->add(object_->self(), object_->task(), state, value.data(), value.size(), repeats);
  if (lender != nullptr) [[unlikely]]
    lender->TakeBack();
  if (result != QUERN_OK) [[unlikely]]
    throw EngineError(OfNoRecord(object_->Failure(result, "the fold's Add")));
}

int UserFold::MergeAll(quern_group* group) {
  fold_->init(state());
  for (; group->repeats > 0; quern_next_value(group)) {
    if (group->value.size != state_bytes_) {
      constexpr std::string_view kReason = "a value is no state of it";
      return object_->task()->host->report(object_->task(), QUERN_FAILED, kReason.data(),
                                           kReason.size());
    }
    std::memcpy(other_.data(), group->value.data, state_bytes_);
    const int result = fold_->merge(object_->self(), object_->task(), state(), other_.data());
    if (result != QUERN_OK) return result;
  }
  return QUERN_OK;
}

absl::Status UserFold::Combine(GroupSource* group, const Take& take) {
  if (const int result = MergeAll(group->group()); result != QUERN_OK) return Failure(result);
  return take(group->key(), {state(), state_bytes_});
}

int UserFold::Reduce(quern_group* group) {
  if (const int result = MergeAll(group); result != QUERN_OK) return result;
  Lender* const lender = object_->lender();
  const quern_bytes key = lender == nullptr ? group->key : lender->Lend(group->key, "a key", "Put");
  const int result = fold_->put(object_->self(), object_->task(), state(), key);
  if (lender != nullptr) lender->TakeBack();
  return result;
}

}  // namespace quern::mr
