// Records on which attempts have died, so that others step over them (MapReduce 2004, section 4.6).
//
// One death may be chance; after the second one the record is stepped over. No locks.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "mapreduce/coordinator/logic/ids.h"

namespace quern::mr {

// In the split of a map task, or among the keys of a reduce task.
struct RecordPlace {
  uint32_t piece = 0;
  uint64_t position = 0;
  auto operator<=>(const RecordPlace&) const = default;
};

class BadRecords {
 public:
  // Of one task: one with more of them is bad itself.
  static constexpr size_t kMaxOfTask = 100;

  struct Record {
    RecordPlace place;
    std::string reason;  // of the last death
  };

  // An attempt of this task has died in this record. True when the next ones step over it because
  // of that.
  bool NoteDeath(TaskKind kind, uint32_t task, RecordPlace place, const std::string& reason);
  // What attempts of the task step over, in the order in which it became known.
  const std::vector<Record>& Of(TaskKind kind, uint32_t task) const;

 private:
  struct Task {
    std::map<RecordPlace, uint32_t> deaths;
    std::vector<Record> skipped;
  };
  std::map<std::pair<TaskKind, uint32_t>, Task> tasks_;
};

}  // namespace quern::mr
