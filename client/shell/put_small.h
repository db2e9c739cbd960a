// Small files of `dfs put` and `dfs cp`, many at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/shell/local_tree.h"

namespace quern::shell {

// A file that is to be copied into the cluster.
struct PutJob {
  LocalEntry source;  // path "-" is stdin
  std::string target;
};

// Up to here chunkservers keep the bytes beside their index, and dozens of files cost one sync.
inline constexpr uint64_t kSmallFileBytes = uint64_t{32} << 10;

// Of files of these sizes, in their order, how many go together: those that follow each other and
// are small and not empty, as long as there is something to do for all workers. The sum is all.
std::vector<size_t> GroupSmallFiles(std::span<const uint64_t> sizes, size_t workers);

// The jobs in their order, cut so that small files which follow each other are together, as long as
// there is something to do for all workers. Anything else is alone.
std::vector<std::span<const PutJob>> GroupPutJobs(std::span<const PutJob> jobs, size_t workers);

// The bytes of a file that is in a group of several. Nothing when it cannot be read, or has become
// empty or large: it should be copied alone, where it is told what is wrong with it.
std::optional<std::string> ReadSmallFile(const std::string& path);

}  // namespace quern::shell
