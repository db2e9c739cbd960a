// Sorted tables: files of RocksDB (SST), for lookups, scans and bulk loads
// (docs/formats/sorted-table.md). key and value are the record's; a file is read by one task.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeTableInput();
// Keys have to come in ascending order, each once: as a reducer that emits under its groups' keys
// gives them.
std::unique_ptr<const OutputFormat> MakeTableOutput();

}  // namespace quern::mr
