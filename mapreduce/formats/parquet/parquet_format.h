// Parquet files (docs/formats/parquet.md): each row is a record, key = number of the row, value =
// a JSON object. Works where Arrow's libraries were there at build time.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"
#include "mapreduce/formats/output_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeParquetInput();
// Values are JSON objects; keys are dropped, but a key without a value is taken for one.
std::unique_ptr<const OutputFormat> MakeParquetOutput();

}  // namespace quern::mr
