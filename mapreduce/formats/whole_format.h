// Each file is one record, an empty one too. key = path, value = the contents, decoded when they
// are compressed.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeWholeFormat();

}  // namespace quern::mr
