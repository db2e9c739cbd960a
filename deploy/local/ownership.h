// Whether a directory may be a cluster's: `up` writes into what it is given, under names that other
// programs use as well, and must not do so among the files of somebody else.
#pragma once

#include "common/status.h"
#include "deploy/local/cluster_dir.h"

namespace quern::local {

// OK when nothing is in the directory (but lost+found, which a new file system has), or what shows
// that a cluster has it: a cluster.json or state.json that can be read, a directory of a
// chunkserver or worker, the note beside a chunkserver's directory; or nothing but what an `up`
// that did not get that far leaves. FailedPrecondition, with an example of what is there,
// otherwise. Writes nothing.
absl::Status CheckNotForeign(const ClusterDir& dir);

}  // namespace quern::local
