#include "mapreduce/worker/process_tree.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "common/storage/file_io.h"

namespace quern::mr {
namespace {

// The value in KiB of a line like "RssAnon:    123 kB"; 0 when the process is gone.
uint64_t ReadKib(const std::string& path, const char* format) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long long kib = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::sscanf(line, format, &kib) == 1) break;
  }
  std::fclose(file);
  return kib;
}

void AddChildren(pid_t pid, std::vector<pid_t>* pids) {
  const std::string threads = fmt::format("/proc/{}/task", pid);
  // A child belongs to the thread that made it.
  for (const std::string& thread : ReadableNames(threads)) {
    std::ifstream children(fmt::format("{}/{}/children", threads, thread));
    for (pid_t child = 0; children >> child;) pids->push_back(child);
  }
}

template <typename Memory>
TreeUsage Measure(pid_t root, size_t max_processes, Memory memory_kib) {
  TreeUsage usage;
  std::vector<pid_t> pids = {root};
  for (; usage.processes < pids.size() && usage.processes < max_processes; ++usage.processes) {
    const pid_t pid = pids[usage.processes];
    usage.memory_bytes += memory_kib(pid) << 10;
    AddChildren(pid, &pids);
  }
  return usage;
}

}  // namespace

TreeUsage MeasureTree(pid_t root, size_t max_processes) {
  return Measure(root, max_processes, [](pid_t pid) {
    return ReadKib(fmt::format("/proc/{}/status", pid), "RssAnon: %llu");
  });
}

TreeUsage MeasureTreeExactly(pid_t root, size_t max_processes) {
  return Measure(root, max_processes, [](pid_t pid) {
    return ReadKib(fmt::format("/proc/{}/smaps_rollup", pid), "Pss_Anon: %llu");
  });
}

}  // namespace quern::mr
