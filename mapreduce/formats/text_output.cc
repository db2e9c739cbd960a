#include "mapreduce/formats/text_output.h"

#include "common/clean_text.h"
#include "mapreduce/formats/encoders.h"

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

// The values alone, each as a line. `kLinesOnly`: its readers would take the parts of a value with
// a line feed in it for records, and pass over an empty one.
template <bool kLinesOnly>
class ValueWriter final : public RecordWriter {
 public:
  explicit ValueWriter(OutputFile* file) : file_(file) {}
  absl::Status Append(std::string_view, std::string_view value) override {
    if constexpr (kLinesOnly) {
      if (value.empty() || value.find('\n') != std::string_view::npos) return NoLine(value);
    }
    RETURN_IF_ERROR(file_->Append(value));
    return file_->Append("\n");
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  static absl::Status NoLine(std::string_view value) {
    constexpr size_t kShownBytes = 100;
    return InvalidArgumentError(
        "jsonl: a value is one line of JSON, and '{}' {}. Try: JSON without line feeds, or the "
        "output format raw",
        CleanLine(value, kShownBytes), value.empty() ? "is empty" : "has a line feed in it");
  }

  OutputFile* const file_;
};

class BytesWriter final : public RecordWriter {
 public:
  explicit BytesWriter(OutputFile* file) : file_(file) {}
  absl::Status Append(std::string_view, std::string_view value) override {
    return file_->Append(value);
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  OutputFile* const file_;
};

// Lines or bytes, compressed as a whole file when the job says so.
template <typename Writer>
class StreamOutput final : public OutputFormat {
 public:
  explicit StreamOutput(std::string_view name) : name_(name) {}

  std::string_view name() const override { return name_; }
  const std::vector<std::string>& codecs() const override { return EncoderNames(); }
  std::string_view Extension(const OutputSettings& settings) const override {
    return EncoderExtension(settings.codec);
  }
  absl::StatusOr<std::unique_ptr<RecordWriter>> Open(const OutputSettings& settings,
                                                     OutputFile* file) const override {
    ASSIGN_OR_RETURN(auto encoder, MakeEncoder(settings.codec));
    file->SetEncoder(std::move(encoder));
    return std::make_unique<Writer>(file);
  }

 private:
  const std::string_view name_;
};

}  // namespace

std::unique_ptr<const OutputFormat> MakeTextOutput() {
  return std::make_unique<StreamOutput<TextWriter>>("text");
}
std::unique_ptr<const OutputFormat> MakeRawOutput() {
  return std::make_unique<StreamOutput<ValueWriter<false>>>("raw");
}
std::unique_ptr<const OutputFormat> MakeJsonlOutput() {
  return std::make_unique<StreamOutput<ValueWriter<true>>>("jsonl");
}

std::unique_ptr<const OutputFormat> MakeBytesOutput() {
  return std::make_unique<StreamOutput<BytesWriter>>("bytes");
}

}  // namespace quern::mr
