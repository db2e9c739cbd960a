// RocksDB on a quern::FileSystem, so that one power cut hits data files and databases alike.
#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "common/storage/file_io.h"

namespace quern {

// Everything that RocksDB writes, syncs, renames and removes, and its reads of tables, go through
// `fs` (borrowed), except its text log and its lock file. For RocksOptions::env; must outlive the
// database.
std::unique_ptr<rocksdb::Env> NewRocksEnv(FileSystem* fs);

}  // namespace quern
