#include "mapreduce/formats/whole_format.h"

#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/whole_reader.h"

namespace quern::mr {

namespace {

class WholeFormat final : public InputFormat {
 public:
  std::string_view name() const override { return "whole"; }
  bool Splittable(std::string_view) const override { return false; }
  FileUse Plan(uint64_t, std::string_view) const override { return FileUse::kWhole; }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    if (offset > 0 || length < file->length()) {
      return InvalidArgumentError("the format whole does not cut files");
    }
    ASSIGN_OR_RETURN(auto contents, DecodeByContent(file->Stream(0, length)));
    return std::make_unique<WholeReader>(options, std::move(contents));
  }
};

}  // namespace

std::unique_ptr<const InputFormat> MakeWholeFormat() { return std::make_unique<WholeFormat>(); }

}  // namespace quern::mr
