// What RocksDB believes of a table file before it looks at a checksum.
#pragma once

#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// DataLoss unless the footer, which no checksum covers, is one of format version 5 with XXH3 for
// all blocks, its blocks lie in the file, and the properties and the list of blocks match their
// checksums. RocksDB decodes what has no checksum, what another version wrote, and these two blocks
// with assertions that end the process; of everything else it sees damage before it decodes.
absl::Status CheckSstFooter(ReadableFile* file);

}  // namespace quern::mr
