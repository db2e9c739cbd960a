// Which tasks of a job are run where not all of them are: `mr run --local --tasks m-0,r-2`.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>

#include "common/status.h"
#include "mapreduce/engine/messages.h"
#include "quern/mr/v1/types.pb.h"

namespace quern::mr {

struct TaskChoice {
  std::set<uint32_t> maps = {};
  std::set<uint32_t> reduces = {};

  // No choice was made.
  bool is_all() const { return maps.empty() && reduces.empty(); }
  size_t size() const { return maps.size() + reduces.size(); }
  bool Has(pb::TaskKind kind, uint32_t task) const {
    return is_all() || (kind == pb::TASK_KIND_MAP ? maps : reduces).contains(task);
  }
  // A reduce reads the outputs of all maps.
  bool NeedsAllMaps() const { return is_all() || !reduces.empty(); }
};

// "m-0,m-3,r-00002": at least one. InvalidArgument for anything else.
absl::StatusOr<TaskChoice> ParseTaskChoice(std::string_view list);
// InvalidArgument names the first one that a job of so many tasks does not have, and those it has.
absl::Status CheckTaskChoice(const TaskChoice& choice, uint32_t maps, uint32_t reduces);

}  // namespace quern::mr
