// Records of one fixed length. key = offset, value = the bytes. Compressed files are decoded by
// their content and not cut.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeFixedFormat();

}  // namespace quern::mr
