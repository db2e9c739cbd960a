// Many small files at a time: as good as a Create, Append and Close of each, for a fraction of the
// cost, because dozens of them share every message and every sync of a disk.
//
//   CreateMany -> SendWhole, chain by chain -> Complete of all in one ChangeMany
//
// A file for which a step fails takes the usual way from there, alone; it fails only if that fails.
#pragma once

#include <span>
#include <vector>

#include "client/client_context.h"
#include "client/file_system.h"

namespace quern::client {

// The statuses, in the order of the files.
std::vector<absl::StatusOr<FileStatus>> WriteSmallFiles(ClientContext* context,
                                                        std::span<const SmallFile> files);

}  // namespace quern::client
