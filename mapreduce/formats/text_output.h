// Lines of keys and values (text) or of values alone (raw, jsonl), and values with nothing between
// (bytes).
#pragma once

#include <memory>

#include "mapreduce/formats/output_format.h"

namespace quern::mr {

// key TAB value LF; without the TAB when the value is empty.
std::unique_ptr<const OutputFormat> MakeTextOutput();
// value LF.
std::unique_ptr<const OutputFormat> MakeRawOutput();
// value LF, where the value is one line: what the input format jsonl reads back record by record.
std::unique_ptr<const OutputFormat> MakeJsonlOutput();
// value: a file that the job gives its form to itself.
std::unique_ptr<const OutputFormat> MakeBytesOutput();

}  // namespace quern::mr
