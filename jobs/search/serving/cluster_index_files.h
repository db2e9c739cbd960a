// An index in a cluster. Its segments are copied to this machine, to be mapped into memory: once,
// since they never change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "jobs/search/serving/index_files.h"

namespace quern::search {

// Copies lie in CACHE/quern/search/HASH/, HASH standing for the cluster and the directory, under
// names that stand for the very file (its inode, length and time). Whoever opens an index removes
// the copies that it no longer has, and those of indexes that nobody opened for a month. From the
// first Fetch to Keep or Release others have to wait: nobody removes what is about to be mapped.
// Whoever works with what is mapped for long releases it first.
// `dir`: without a slash at its end; empty for the root.
std::unique_ptr<IndexFiles> MakeClusterIndexFiles(std::vector<std::string> masters, std::string dir,
                                                  const IndexFilesOptions& options);

}  // namespace quern::search
