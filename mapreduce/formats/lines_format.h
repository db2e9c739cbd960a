// Text and JSON lines. key = offset of the line, value = the line without its line feed. Compressed
// files are decoded by their content and not cut.
#pragma once

#include <memory>
#include <string_view>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

// `name`: text or jsonl.
std::unique_ptr<const InputFormat> MakeLinesFormat(std::string_view name);

}  // namespace quern::mr
