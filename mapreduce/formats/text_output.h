// Lines: of keys and values (text), or of values alone (raw).
#pragma once

#include <memory>

#include "mapreduce/formats/output_format.h"

namespace quern::mr {

// key TAB value LF; without the TAB when the value is empty.
std::unique_ptr<const OutputFormat> MakeTextOutput();
// value LF.
std::unique_ptr<const OutputFormat> MakeRawOutput();

}  // namespace quern::mr
