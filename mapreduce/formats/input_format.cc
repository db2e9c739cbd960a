#include "mapreduce/formats/input_format.h"

#include "mapreduce/formats/fixed_format.h"
#include "mapreduce/formats/lines_format.h"
#include "mapreduce/formats/mixed_format.h"
#include "mapreduce/formats/named.h"
#include "mapreduce/formats/parquet/parquet_format.h"
#include "mapreduce/formats/record_format.h"
#include "mapreduce/formats/table_format.h"
#include "mapreduce/formats/warc/warc_format.h"
#include "mapreduce/formats/whole_format.h"

namespace quern::mr {

namespace {

// The one list of input formats.
const std::vector<std::unique_ptr<const InputFormat>>& AllInputFormats() {
  static const auto* const formats = [] {
    auto* all = new std::vector<std::unique_ptr<const InputFormat>>;
    all->push_back(MakeLinesFormat("text"));
    all->push_back(MakeWholeFormat());
    all->push_back(MakeFixedFormat());
    all->push_back(MakeLinesFormat("jsonl"));
    all->push_back(MakeWarcFormat());
    all->push_back(MakeRecordInput());
    all->push_back(MakeTableInput());
    all->push_back(MakeParquetInput());
    all->push_back(MakeMixedFormat());
    return all;
  }();
  return *formats;
}

}  // namespace

absl::Status InputFormat::Check(const InputSettings& settings) const {
  if (settings.record_bytes != 0) {
    return InvalidArgumentError("record_bytes: only the format fixed has records of one length");
  }
  if (settings.columns.empty()) return absl::OkStatus();
  return InvalidArgumentError("columns: only the format parquet has columns");
}

FileUse InputFormat::Plan(uint64_t length, std::string_view first_bytes) const {
  if (length == 0) return FileUse::kNothing;
  return Splittable(first_bytes) ? FileUse::kPieces : FileUse::kWhole;
}

absl::StatusOr<uint64_t> InputFormat::Resync(const ReadOptions& options, ReadableFile* file,
                                             uint64_t offset) const {
  const uint64_t length = file->length();
  if (offset >= length) return length;
  ASSIGN_OR_RETURN(const auto reader, Open(options, file, offset, length - offset));
  if (reader->Next()) return reader->offset();
  RETURN_IF_ERROR(reader->status());
  return length;
}

absl::StatusOr<std::string> ReadFirstBytes(ReadableFile* file, size_t bytes) {
  const auto stream = file->Stream(0, bytes);
  std::string first;
  while (first.size() < bytes) {
    ASSIGN_OR_RETURN(const std::string_view piece, stream->Next());
    if (piece.empty()) break;
    first += piece;
  }
  return first;
}

absl::StatusOr<const InputFormat*> FindInputFormat(std::string_view name) {
  return FindByName(AllInputFormats(), name, "input format");
}

const std::vector<std::string>& InputFormatNames() {
  static const std::vector<std::string> names = NamesOf(AllInputFormats());
  return names;
}

}  // namespace quern::mr
