// Divides a task's memory limit between the things that use it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quern::mr {

// The parts add up to less than the limit: the rest is for the process itself, the buffers of its
// connections (up to 16 MiB of bytes in flight) and the user's classes.
struct MemoryPlan {
  // Taken for 0, and for anything too small to work in.
  static constexpr uint64_t kDefaultLimitBytes = uint64_t{1} << 30;
  static constexpr uint64_t kMinLimitBytes = 48 << 20;

  // Map side: each of two sort buffers (one is filled while the other is spilled).
  size_t sort_buffer_bytes = 0;
  size_t combine_table_bytes = 0;  // 0 without a combiner
  // Reduce side: map outputs that are kept in memory.
  size_t fetched_bytes = 0;
  // Workers that map outputs are fetched from at once.
  size_t fetch_streams = 0;
  // Runs merged at once.
  size_t merge_fan_in = 0;
  // Records, files and keys above this are put together in scratch files.
  size_t record_bytes = 0;

  static MemoryPlan For(uint64_t limit_bytes, bool has_combiner);
};

}  // namespace quern::mr
