// Small files of `dfs put`, many at a time.
#pragma once

#include <cstddef>
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

// The jobs in their order, cut so that small files which follow each other are together, as long as
// there is something to do for all workers. Anything else is alone.
std::vector<std::span<const PutJob>> GroupPutJobs(std::span<const PutJob> jobs, size_t workers);

// The bytes of a file that is in a group of several. Nothing when it cannot be read, or has become
// empty or large: it should be copied alone, where it is told what is wrong with it.
std::optional<std::string> ReadSmallFile(const std::string& path);

}  // namespace quern::shell
