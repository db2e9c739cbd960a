// Which runs to merge first when there are more than can be merged at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quern::mr {

struct MergeWindow {
  size_t begin = 0;
  size_t count = 0;
};

// With more runs than `fan_in` (at least 2): the neighbours whose merge costs least on the way to
// fan_in runs. Only neighbours can be merged, since equal keys keep the order of their runs.
MergeWindow ChooseMergeWindow(const std::vector<uint64_t>& run_bytes, size_t fan_in);

}  // namespace quern::mr
