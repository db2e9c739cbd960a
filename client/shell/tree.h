// Walks over directory trees of the cluster.
#pragma once

#include <cstdint>
#include <functional>

#include "client/shell/shell.h"
#include "common/status.h"

namespace quern::shell {

using Visit = std::function<absl::Status(const client::FileStatus&)>;

// Visits `root` and everything below it, parents before children, children in byte order of their
// names. What has gone or may not be seen when its turn comes (NotFound, PermissionDenied of a
// visit or a listing) is told to shell->Report and the walk goes on; any other error ends it.
absl::Status WalkTree(Shell* shell, const client::FileStatus& root, const Visit& visit);
// The same, with `lost` told instead.
absl::Status WalkTree(
    Shell* shell, const client::FileStatus& root, const Visit& visit,
    const std::function<void(const absl::Status&, const client::FileStatus&)>& lost);

// The same for a visit that changes what it is given. FailedPrecondition when `root` is at or below
// kReservedDir, which users' commands do not change; below a root further up that is left out.
absl::Status ChangeTree(Shell* shell, const client::FileStatus& root, const Visit& change);

// What is at and below a path.
struct ContentSummary {
  uint64_t directories = 0;  // the path itself included
  uint64_t files = 0;
  uint64_t bytes = 0;
  uint64_t bytes_with_replicas = 0;
};
absl::StatusOr<ContentSummary> Summarize(Shell* shell, const client::FileStatus& root);

}  // namespace quern::shell
