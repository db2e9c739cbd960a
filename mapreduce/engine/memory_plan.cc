#include "mapreduce/engine/memory_plan.h"

#include <algorithm>

#include "mapreduce/engine/block.h"

namespace quern::mr {

namespace {

constexpr uint64_t kProcessBytes = 20 << 20;
constexpr uint64_t kMaxTableBytes = 128 << 20;
constexpr uint64_t kMaxFanIn = 512;
constexpr uint64_t kMaxStreams = 4;

}  // namespace

MemoryPlan MemoryPlan::For(uint64_t limit_bytes, bool has_combiner) {
  const uint64_t limit =
      std::max(limit_bytes == 0 ? kDefaultLimitBytes : limit_bytes, kMinLimitBytes);
  const uint64_t engine = limit - kProcessBytes - limit / 16;
  MemoryPlan plan;
  const uint64_t merge = engine / 8;
  plan.record_bytes = engine / 8;
  plan.combine_table_bytes = has_combiner ? std::min(engine / 4, kMaxTableBytes) : 0;
  plan.sort_buffer_bytes = (engine - merge - plan.record_bytes - plan.combine_table_bytes) / 2;
  plan.fetched_bytes = engine / 8 * 5;
  // Each may have 16 MiB under way.
  plan.fetch_streams = std::clamp<uint64_t>(limit / (64 << 20), 1, kMaxStreams);
  // A run being merged holds a block, perhaps once more while compressed.
  plan.merge_fan_in = std::clamp<uint64_t>(merge / (2 * kBlockBytes), 8, kMaxFanIn);
  return plan;
}

}  // namespace quern::mr
