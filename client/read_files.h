// Which files are meant where the contents of a path are read: by jobs, and by dfs getmerge.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/file_system.h"
#include "client/types.h"
#include "common/status.h"

namespace quern::client {

// True when a match of a pattern has a hidden name, its own or that of a directory on the way, that
// a wildcard has found. One that was asked for by name counts. `patterns`: one pattern, its braces
// taken apart.
bool IsHiddenMatch(std::string_view path, const std::vector<std::string>& patterns);

// The files that the matches of a pattern stand for: a file for itself, a directory for everything
// below it but hidden names (IsHiddenName) and what lies below those. Each file comes once, in byte
// order of the paths. The status of the first path that cannot be looked at, if any.
absl::StatusOr<std::vector<FileStatus>> FilesToRead(FileSystem* fs, std::string_view pattern,
                                                    const std::vector<std::string>& matches);

}  // namespace quern::client
