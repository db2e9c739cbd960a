// Walks over directory trees of the cluster.
#pragma once

#include <cstdint>
#include <functional>

#include "client/file_system.h"
#include "common/status.h"

namespace quern::shell {

// Visits `root` and everything below it, parents before children, children in byte order of their
// names. Stops at the first error of a visit or a listing.
absl::Status WalkTree(client::FileSystem* fs, const client::FileStatus& root,
                      const std::function<absl::Status(const client::FileStatus&)>& visit);

// What is at and below a path.
struct ContentSummary {
  uint64_t directories = 0;  // the path itself included
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t bytes_with_replicas = 0;
};
absl::StatusOr<ContentSummary> Summarize(client::FileSystem* fs, const client::FileStatus& root);

}  // namespace quern::shell
