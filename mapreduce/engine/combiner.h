// What makes few values of many before they are sorted or written: the user's combiner.
#pragma once

#include <functional>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/group_source.h"

namespace quern::mr {

// Used by one thread.
class Combiner {
 public:
  using Take = std::function<absl::Status(std::string_view key, std::string_view value)>;

  virtual ~Combiner() = default;
  // Runs over one group. What it emits, all under the group's key, goes to `take` in its order.
  virtual absl::Status Combine(GroupSource* group, const Take& take) = 0;
};

}  // namespace quern::mr
