#include "mapreduce/coordinator/logic/bad_records.h"

namespace quern::mr {

bool BadRecords::NoteDeath(TaskKind kind, uint32_t task, RecordPlace place,
                           const std::string& reason) {
  Task& known = tasks_[{kind, task}];
  if (known.skipped.size() >= kMaxOfTask) return false;
  if (++known.deaths[place] != 2) return false;
  known.skipped.push_back({place, reason});
  return true;
}

const std::vector<BadRecords::Record>& BadRecords::Of(TaskKind kind, uint32_t task) const {
  static const std::vector<Record> none;
  const auto known = tasks_.find({kind, task});
  return known == tasks_.end() ? none : known->second.skipped;
}

}  // namespace quern::mr
