#include "mapreduce/plan/task_choice.h"

#include <algorithm>
#include <string>

#include "mapreduce/engine/task_id.h"

namespace quern::mr {
namespace {

// "the maps m-00000 to m-00008", "one map, m-00000", "no reduces".
std::string TasksText(std::string_view what, pb::TaskKind kind, uint32_t count) {
  if (count == 0) return fmt::format("no {}s", what);
  if (count == 1) return fmt::format("one {}, {}", what, FormatTask(kind, 0));
  return fmt::format("the {}s {} to {}", what, FormatTask(kind, 0), FormatTask(kind, count - 1));
}

}  // namespace

absl::StatusOr<TaskChoice> ParseTaskChoice(std::string_view list) {
  TaskChoice choice;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    ASSIGN_OR_RETURN(const TaskName task, ParseTaskName(list.substr(begin, end - begin)));
    if (task.kind == pb::TASK_KIND_SAMPLE || task.attempt.has_value()) {
      return InvalidArgumentError("{}: neither a map nor a reduce task. Try: m-0 or r-0",
                                  list.substr(begin, end - begin));
    }
    (task.kind == pb::TASK_KIND_MAP ? choice.maps : choice.reduces).insert(task.task);
    begin = end + 1;
  }
  return choice;
}

absl::Status CheckTaskChoice(const TaskChoice& choice, uint32_t maps, uint32_t reduces) {
  const auto check = [&](const std::set<uint32_t>& chosen, pb::TaskKind kind, uint32_t count) {
    if (chosen.empty() || *chosen.rbegin() < count) return absl::OkStatus();
    return InvalidArgumentError("--tasks: there is no {}: the job has {} and {}",
                                FormatTask(kind, *chosen.lower_bound(count)),
                                TasksText("map", pb::TASK_KIND_MAP, maps),
                                TasksText("reduce", pb::TASK_KIND_REDUCE, reduces));
  };
  RETURN_IF_ERROR(check(choice.maps, pb::TASK_KIND_MAP, maps));
  return check(choice.reduces, pb::TASK_KIND_REDUCE, reduces);
}

}  // namespace quern::mr
