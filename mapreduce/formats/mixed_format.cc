#include "mapreduce/formats/mixed_format.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace quern::mr {

namespace {

constexpr std::string_view kCompressions[] = {".gz", ".bz2", ".xz", ".zst", ".lz4"};

constexpr struct {
  std::string_view end;
  std::string_view format;
} kEnds[] = {{".warc", "warc"},    {".wet", "warc"},   {".wat", "warc"},       {".jsonl", "jsonl"},
             {".ndjson", "jsonl"}, {".json", "jsonl"}, {".parquet", "parquet"}};

// Small letters of ASCII; what stands behind the last slash.
std::string LowerName(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return name;
}

std::string_view WithoutCompression(std::string_view name) {
  for (const std::string_view end : kCompressions) {
    if (name.ends_with(end)) return name.substr(0, name.size() - end.size());
  }
  return name;
}

class MixedFormat final : public InputFormat {
 public:
  std::string_view name() const override { return "mixed"; }
  const InputFormat& FormatOf(std::string_view path) const override {
    return **FindInputFormat(FormatNameOfFile(path));
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
};

}  // namespace

std::string_view FormatNameOfFile(std::string_view path) {
  const std::string lower = LowerName(path);
  const std::string_view name = WithoutCompression(lower);
  const auto* const found = std::find_if(std::begin(kEnds), std::end(kEnds),
                                         [&](const auto& one) { return name.ends_with(one.end); });
  return found == std::end(kEnds) ? "whole" : found->format;
}

std::unique_ptr<const InputFormat> MakeMixedFormat() { return std::make_unique<MixedFormat>(); }

}  // namespace quern::mr
