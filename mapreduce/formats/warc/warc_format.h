// WARC files, plain, .gz or .zst by their content. Of a gzip file whose first record has a member
// of its own, any piece can be read; others are read whole.
#pragma once

#include <memory>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

std::unique_ptr<const InputFormat> MakeWarcFormat();

}  // namespace quern::mr
