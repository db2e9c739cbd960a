#include "mapreduce/engine/merge_plan.h"

#include <algorithm>
#include <numeric>

namespace quern::mr {

MergeWindow ChooseMergeWindow(const std::vector<uint64_t>& run_bytes, size_t fan_in) {
  MergeWindow best;
  // No more than needed for one last pass over all that is left.
  best.count = std::min(fan_in, run_bytes.size() - fan_in + 1);
  const auto width = static_cast<std::ptrdiff_t>(best.count);
  uint64_t bytes = std::accumulate(run_bytes.begin(), run_bytes.begin() + width, uint64_t{0});
  uint64_t least = bytes;
  for (size_t begin = 1; begin + best.count <= run_bytes.size(); ++begin) {
    bytes += run_bytes[begin + best.count - 1] - run_bytes[begin - 1];
    if (bytes >= least) continue;
    least = bytes;
    best.begin = begin;
  }
  return best;
}

}  // namespace quern::mr
