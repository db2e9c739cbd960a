#include "mapreduce/formats/text_output.h"

namespace quern::mr {

namespace {

class TextWriter final : public RecordWriter {
 public:
  explicit TextWriter(OutputFile* file) : file_(file) {}
  absl::Status Append(std::string_view key, std::string_view value) override {
    RETURN_IF_ERROR(file_->Append(key));
    if (!value.empty()) RETURN_IF_ERROR(file_->Append("\t"));
    RETURN_IF_ERROR(file_->Append(value));
    return file_->Append("\n");
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  OutputFile* const file_;
};

class RawWriter final : public RecordWriter {
 public:
  explicit RawWriter(OutputFile* file) : file_(file) {}
  absl::Status Append(std::string_view, std::string_view value) override {
    RETURN_IF_ERROR(file_->Append(value));
    return file_->Append("\n");
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  OutputFile* const file_;
};

class TextOutput final : public OutputFormat {
 public:
  std::string_view name() const override { return "text"; }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings&,
                                                     OutputFile* file) const override {
    return std::make_unique<TextWriter>(file);
  }
};

class RawOutput final : public OutputFormat {
 public:
  std::string_view name() const override { return "raw"; }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings&,
                                                     OutputFile* file) const override {
    return std::make_unique<RawWriter>(file);
  }
};

}  // namespace

std::unique_ptr<const OutputFormat> MakeTextOutput() { return std::make_unique<TextOutput>(); }
std::unique_ptr<const OutputFormat> MakeRawOutput() { return std::make_unique<RawOutput>(); }

}  // namespace quern::mr
