// What a process and all that it has started use together.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace quern::mr {

struct TreeUsage {
  // Anonymous memory: mapped files do not count, the kernel takes them back when memory is short.
  uint64_t memory_bytes = 0;
  size_t processes = 0;  // counted up to the limit
};

// Processes that end meanwhile are left out. Memory that a child shares with its parent since the
// fork counts for both: quick, and never too little.
TreeUsage MeasureTree(pid_t root, size_t max_processes);

// The same with each shared page counted once in all. Slow: reads the page tables.
TreeUsage MeasureTreeExactly(pid_t root, size_t max_processes);

}  // namespace quern::mr
