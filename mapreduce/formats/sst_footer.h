// The end of a table file of RocksDB, which no checksum covers and RocksDB believes.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// DataLoss unless the footer is one of format version 5 with checksums for all blocks, and its
// blocks lie in the file. RocksDB decodes blocks without a checksum, or as another version wrote
// them, with assertions that end the process; with a checksum it sees damage before it decodes.
absl::Status CheckSstFooter(ReadableFile* file);

}  // namespace quern::mr
