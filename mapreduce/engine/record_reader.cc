#include "mapreduce/engine/record_reader.h"

#include "mapreduce/engine/block.h"
#include "mapreduce/engine/decoder.h"
#include "mapreduce/engine/fixed_reader.h"
#include "mapreduce/engine/line_reader.h"
#include "mapreduce/engine/whole_reader.h"

namespace quern::mr {

bool KeyIsPath(std::string_view format) { return format == "whole"; }

absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecords(const RecordOptions& options,
                                                          ReadableFile* file, uint64_t offset,
                                                          uint64_t length) {
  if (options.format == "fixed") {
    if (options.record_bytes == 0 || options.record_bytes > kLargeRecordBytes) {
      return InvalidArgumentError("record_bytes = {}: must be from 1 to {}", options.record_bytes,
                                  kLargeRecordBytes);
    }
    return std::make_unique<FixedReader>(file, offset, length, options.record_bytes);
  }
  const bool lines = options.format == "text" || options.format == "jsonl";
  if (!lines && options.format != "whole") {
    return InvalidArgumentError("input format '{}': unknown. Try: text, whole, jsonl, fixed",
                                options.format);
  }
  if (offset > 0 || length < file->length()) {
    if (lines) return std::make_unique<LineReader>(options, file, offset, length);
    return InvalidArgumentError("the format whole does not cut files");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> contents,
                   DecodeByContent(file->Stream(0, file->length())));
  if (lines) return std::make_unique<LineReader>(options, std::move(contents));
  return std::make_unique<WholeReader>(options, std::move(contents));
}

}  // namespace quern::mr
