// A user's reducer class as the engine runs a combiner, without a plugin around it.
#pragma once

#include <utility>

#include "mapreduce/api/testing.h"
#include "mapreduce/engine/combiner.h"

namespace quern::mr {

template <typename Class>
class ClassCombiner final : public Combiner {
 public:
  template <typename... Args>
  explicit ClassCombiner(Args... args) : task_({}), user_(args...) {
    user_.Connect(&task_);
  }
  absl::Status Combine(GroupSource* group, const Take& take) override {
    user_.ReduceGroup(group->group());
    for (const auto& [key, value] : task_.Take().records) RETURN_IF_ERROR(take(key, value));
    return absl::OkStatus();
  }

 private:
  testing::FakeTask task_;
  Class user_;
};

}  // namespace quern::mr
