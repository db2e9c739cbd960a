// Lets RocksDB write its table files to ours, and read them from ours.
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <string>

#include "mapreduce/engine/output_file.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// The one name of the file that such an environment holds.
inline constexpr char kSstName[] = "/table";

// Both are borrowed and must outlive the environment, and what was opened through it.
std::unique_ptr<rocksdb::Env> MakeSstWriteEnv(OutputFile* file);
std::unique_ptr<rocksdb::Env> MakeSstReadEnv(ReadableFile* file);

}  // namespace quern::mr
