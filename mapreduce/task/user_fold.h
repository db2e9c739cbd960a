// A user's fold (mapreduce/api/fold.h), as map and reduce tasks run it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "mapreduce/engine/combiner.h"
#include "mapreduce/engine/fold.h"
#include "mapreduce/task/user_object.h"

namespace quern::mr {

// Map side: adds values to states, and merges the states of several spills. Reduce side: merges the
// states of a key and puts them out. Used by one thread.
class UserFold final : public Fold, public Combiner {
 public:
  // `output` is where Put emits to, null in a map task. All borrowed.
  static absl::StatusOr<std::unique_ptr<UserFold>> Create(const quern_class& of,
                                                          UserContext* context, EmitBuffer* output);

  size_t state_bytes() const override { return state_bytes_; }
  void Init(char* state) override { fold_->init(state); }
  void Add(char* state, std::string_view value, uint64_t repeats) override;

  // The values of the group are states, and so is what it hands on.
  absl::Status Combine(GroupSource* group, const Take& take) override;
  // QUERN_OK, QUERN_SKIPPED, or anything else for which Failure has the error.
  int Reduce(quern_group* group);
  bool failed() const { return object_->failed(); }
  std::string TakeReason() { return object_->TakeReason(); }
  absl::Status Failure(int result) const { return object_->Failure(result, "the fold"); }

 private:
  UserFold(const quern_fold* fold, std::unique_ptr<UserObject> object);
  // All values of the group into state_.
  int MergeAll(quern_group* group);
  char* state() { return reinterpret_cast<char*>(state_.data()); }

  const quern_fold* const fold_;
  const size_t state_bytes_;
  const std::unique_ptr<UserObject> object_;
  // Aligned, as the user's functions expect them.
  std::vector<uint64_t> state_;
  std::vector<uint64_t> other_;
};

}  // namespace quern::mr
