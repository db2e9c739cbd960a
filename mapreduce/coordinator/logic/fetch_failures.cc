#include "mapreduce/coordinator/logic/fetch_failures.h"

namespace quern::mr {

bool FetchFailures::Report(uint32_t map_task, uint32_t map_attempt, uint32_t reduce_task,
                           uint32_t running_reduces) {
  Reports& reports = by_map_[map_task];
  if (reports.map_attempt != map_attempt) reports = {map_attempt, {}};
  const uint32_t of_this_one = ++reports.by_reduce[reduce_task];
  const bool believed =
      reports.by_reduce.size() >= 2 || of_this_one >= kReportsOfOne || running_reduces <= 1;
  if (believed) by_map_.erase(map_task);
  return believed;
}

}  // namespace quern::mr
