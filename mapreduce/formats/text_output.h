// Lines of keys and values (text) or of values alone (raw), and values with nothing between
// (bytes).
#pragma once

#include <memory>

#include "mapreduce/formats/output_format.h"

namespace quern::mr {

// key TAB value LF; without the TAB when the value is empty.
std::unique_ptr<const OutputFormat> MakeTextOutput();
// value LF.
std::unique_ptr<const OutputFormat> MakeRawOutput();
// value: a file that the job gives its form to itself.
std::unique_ptr<const OutputFormat> MakeBytesOutput();

}  // namespace quern::mr
