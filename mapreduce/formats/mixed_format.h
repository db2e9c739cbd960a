// Files of several formats in one input: the name of each file says which it has. Compressed files
// (.gz, .bz2, .xz, .zst, .lz4) are what their names say without that.
//
//   .warc .wet .wat        warc
//   .jsonl .ndjson .json   jsonl
//   .parquet               parquet
//   all others             whole
//
// Letters may be of either case. What is in a file does not change it: tasks of another time and
// place have to come to the same answer. But a file of the last kind that begins as WARC files do
// is refused, unless it is called a text (.txt, .text, .md), and so is a part of a job's output
// ("part-r-00000") that begins as a JSON object does.
#pragma once

#include <memory>
#include <string_view>

#include "mapreduce/formats/input_format.h"

namespace quern::mr {

// Of those above the name of the one that a file of this name has.
std::string_view FormatNameOfFile(std::string_view path);

std::unique_ptr<const InputFormat> MakeMixedFormat();

}  // namespace quern::mr
