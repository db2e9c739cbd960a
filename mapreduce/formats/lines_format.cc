#include "mapreduce/formats/lines_format.h"

#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/line_reader.h"

namespace quern::mr {

namespace {

class LinesFormat final : public InputFormat {
 public:
  explicit LinesFormat(std::string_view name) : name_(name) {}

  std::string_view name() const override { return name_; }
  bool Splittable(std::string_view first_bytes) const override {
    return !LooksCompressed(first_bytes);
  }
  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    if (offset > 0) return std::make_unique<LineReader>(options, file, offset, length);
    if (length < file->length()) {
      RETURN_IF_ERROR(CheckNotCompressed(file));
      return std::make_unique<LineReader>(options, file, offset, length);
    }
    ASSIGN_OR_RETURN(auto contents, DecodeByContent(file->Stream(0, length)));
    return std::make_unique<LineReader>(options, std::move(contents));
  }

 private:
  const std::string name_;
};

}  // namespace

std::unique_ptr<const InputFormat> MakeLinesFormat(std::string_view name) {
  return std::make_unique<LinesFormat>(name);
}

}  // namespace quern::mr
