#include "mapreduce/formats/fixed_format.h"

#include "mapreduce/engine/block.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/fixed_reader.h"

namespace quern::mr {

namespace {

class FixedFormat final : public InputFormat {
 public:
  std::string_view name() const override { return "fixed"; }

  absl::Status Check(const InputSettings& settings) const override {
    if (settings.record_bytes == 0) {
      return InvalidArgumentError(
          "record_bytes: the format fixed needs the length of a record. Try: record_bytes = 100");
    }
    if (settings.record_bytes <= kLargeRecordBytes) return absl::OkStatus();
    return InvalidArgumentError("record_bytes: {} is more than {}", settings.record_bytes,
                                kLargeRecordBytes);
  }

  bool Splittable(std::string_view first_bytes) const override {
    return !LooksCompressed(first_bytes);
  }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    RETURN_IF_ERROR(Check(options.settings));
    const uint64_t record_bytes = options.settings.record_bytes;
    if (offset > 0 || length < file->length()) {
      if (offset == 0) RETURN_IF_ERROR(CheckNotCompressed(file));
      return std::make_unique<FixedReader>(file, offset, length, record_bytes);
    }
    ASSIGN_OR_RETURN(auto contents, DecodeByContent(file->Stream(0, length)));
    return std::make_unique<FixedReader>(std::move(contents), record_bytes);
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeFixedFormat() { return std::make_unique<FixedFormat>(); }

}  // namespace quern::mr
