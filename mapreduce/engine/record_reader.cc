#include "mapreduce/engine/record_reader.h"

#include "mapreduce/engine/block.h"
#include "mapreduce/engine/decoder.h"
#include "mapreduce/engine/fixed_reader.h"
#include "mapreduce/engine/line_reader.h"
#include "mapreduce/engine/whole_reader.h"

namespace quern::mr {

namespace {

absl::Status CheckStart(ReadableFile* file) {
  const auto stream = file->Stream(0, 10);
  ASSIGN_OR_RETURN(const std::string_view start, stream->Next());
  return RefuseOtherCompression(start);
}

}  // namespace

bool KeyIsPath(std::string_view format) { return format == "whole"; }

absl::StatusOr<std::unique_ptr<RecordReader>> OpenRecords(const RecordOptions& options,
                                                          ReadableFile* file, uint64_t offset,
                                                          uint64_t length) {
  const bool fixed = options.format == "fixed";
  if (fixed && (options.record_bytes == 0 || options.record_bytes > kLargeRecordBytes)) {
    return InvalidArgumentError("record_bytes = {}: must be from 1 to {}", options.record_bytes,
                                kLargeRecordBytes);
  }
  const bool whole = options.format == "whole";
  if (!fixed && !whole && options.format != "text" && options.format != "jsonl") {
    return InvalidArgumentError("input format '{}': unknown. Try: text, whole, jsonl, fixed",
                                options.format);
  }
  if (offset > 0 || length < file->length()) {
    if (whole) return InvalidArgumentError("the format whole does not cut files");
    if (offset == 0) RETURN_IF_ERROR(CheckStart(file));
    if (fixed) return std::make_unique<FixedReader>(file, offset, length, options.record_bytes);
    return std::make_unique<LineReader>(options, file, offset, length);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> contents,
                   DecodeByContent(file->Stream(0, file->length()),
                                   whole ? OtherCompression::kPassOn : OtherCompression::kRefuse));
  if (fixed) return std::make_unique<FixedReader>(std::move(contents), options.record_bytes);
  if (whole) return std::make_unique<WholeReader>(options, std::move(contents));
  return std::make_unique<LineReader>(options, std::move(contents));
}

}  // namespace quern::mr
