// Record files: our own, for data that goes from job to job (docs/formats/record-file.md). key and
// value are the record's; any piece can be read.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeRecordInput();
std::unique_ptr<const OutputFormat> MakeRecordOutput();

}  // namespace quern::mr
