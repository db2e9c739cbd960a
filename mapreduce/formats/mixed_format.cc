#include "mapreduce/formats/mixed_format.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "mapreduce/api/file_kinds.h"
#include "mapreduce/formats/decoder.h"
#include "mapreduce/formats/whole_reader.h"

namespace quern::mr {

namespace {

constexpr struct {
  std::string_view end;
  std::string_view format;
} kEnds[] = {{".warc", "warc"},    {".wet", "warc"},   {".wat", "warc"},       {".jsonl", "jsonl"},
             {".ndjson", "jsonl"}, {".json", "jsonl"}, {".parquet", "parquet"}};

// "part-r-00000": of the output of some job, whose format only that job knows.
bool IsNamedAsPart(std::string_view path) {
  const std::string name = PlainFileName(path);
  return name.starts_with("part-") && name.find('.') == std::string::npos;
}

absl::Status NameDoesNotSaySo(std::string_view is, std::string_view ends, std::string_view format) {
  return InvalidArgumentError(
      "is {0}, and its name does not say so. Try: a name that ends in {1}; or, when all files of "
      "the input are such, --format {2} (of a stage: --set STAGE.input.format={2}, of mr run "
      "corpus: --set extract.input.format={2})",
      is, ends, format);
}

// Contents whose beginning has been looked at.
class PeekedStream final : public DecodedStream {
 public:
  explicit PeekedStream(std::unique_ptr<DecodedStream> rest) : rest_(std::move(rest)) {}

  // Their first bytes: that many or more, unless there are fewer.
  absl::StatusOr<std::string_view> Peek(size_t bytes) {
    while (head_.size() < bytes && !ended_) {
      ASSIGN_OR_RETURN(const std::string_view piece, rest_->Next());
      ended_ = piece.empty();
      head_ += piece;
    }
    return std::string_view(head_);
  }
  absl::StatusOr<std::string_view> Next() override {
    if (!std::exchange(gave_head_, true) && !head_.empty()) return std::string_view(head_);
    if (ended_) return std::string_view();
    return rest_->Next();
  }
  bool damaged() const override { return rest_->damaged(); }

 private:
  const std::unique_ptr<DecodedStream> rest_;
  std::string head_;
  bool gave_head_ = false;
  bool ended_ = false;
};

// Files whose names say nothing: as the format whole has them. A crawl among them, or a part with
// JSON lines, would be one record that nobody can use, or none where it has more bytes than records
// may have.
class OtherFiles final : public InputFormat {
 public:
  std::string_view name() const override { return Whole().name(); }
  bool Splittable(std::string_view first_bytes) const override {
    return Whole().Splittable(first_bytes);
  }
  FileUse Plan(uint64_t length, std::string_view first_bytes) const override {
    return Whole().Plan(length, first_bytes);
  }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    const bool all = offset == 0 && length >= file->length();
    // A text may begin with anything.
    if (!all || HasTextName(options.path)) return Whole().Open(options, file, offset, length);
    ASSIGN_OR_RETURN(auto decoded, DecodeByContent(file->Stream(0, length)));
    auto contents = std::make_unique<PeekedStream>(std::move(decoded));
    ASSIGN_OR_RETURN(const std::string_view head, contents->Peek(kWarcBeginning));
    if (BeginsLikeWarc(head)) {
      return NameDoesNotSaySo("a WARC file", ".warc or .warc.gz", "warc");
    }
    if (head.starts_with('{') && IsNamedAsPart(options.path)) {
      return NameDoesNotSaySo("a part with JSON lines", ".jsonl", "jsonl");
    }
    return std::make_unique<WholeReader>(options, std::move(contents));
  }

 private:
  static const InputFormat& Whole() { return **FindInputFormat("whole"); }
};

class MixedFormat final : public InputFormat {
 public:
  std::string_view name() const override { return "mixed"; }
  const InputFormat& FormatOf(std::string_view path) const override {
    const std::string_view format = FormatNameOfFile(path);
    return format == "whole" ? others_ : **FindInputFormat(format);
  }
  // Of a task without any file, too.
  std::string_view record_form() const override { return FormatOf("").record_form(); }

  absl::Status Check(const InputSettings& settings) const override {
    if (settings.columns.empty()) return InputFormat::Check(settings);
    return (*FindInputFormat("parquet"))->Check(settings);
  }
  // Who cuts files asks the format of each.
  bool Splittable(std::string_view) const override { return false; }

  absl::StatusOr<std::unique_ptr<RecordReader>> Open(const ReadOptions& options, ReadableFile* file,
                                                     uint64_t offset,
                                                     uint64_t length) const override {
    return FormatOf(options.path).Open(options, file, offset, length);
  }
  absl::StatusOr<uint64_t> Resync(const ReadOptions& options, ReadableFile* file,
                                  uint64_t offset) const override {
    return FormatOf(options.path).Resync(options, file, offset);
  }

 private:
  OtherFiles others_;
};

}  // namespace

std::string_view FormatNameOfFile(std::string_view path) {
  const std::string name = PlainFileName(path);
  const auto* const found = std::find_if(std::begin(kEnds), std::end(kEnds),
                                         [&](const auto& one) { return name.ends_with(one.end); });
  return found == std::end(kEnds) ? "whole" : found->format;
}

std::unique_ptr<const InputFormat> MakeMixedFormat() { return std::make_unique<MixedFormat>(); }

}  // namespace quern::mr
