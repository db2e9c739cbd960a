#include "mapreduce/engine/output_sink.h"

#include <cstring>

#include "common/crc32c.h"
#include "mapreduce/engine/engine_error.h"

namespace quern::mr {

namespace {

// The piece in which the file system ships data.
constexpr size_t kBufferBytes = 1 << 20;

}  // namespace

absl::StatusOr<OutputFormat> ParseOutputFormat(std::string_view name) {
  if (name.empty() || name == "text") return OutputFormat::kText;
  if (name == "raw") return OutputFormat::kRaw;
  return InvalidArgumentError("output format '{}': unknown. Try: text, raw", name);
}

OutputSink::OutputSink(std::unique_ptr<WritableFile> file, OutputFormat format, WorkSteps* steps)
    : file_(std::move(file)),
      format_(format),
      steps_(steps),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

void OutputSink::AppendSlow(std::string_view key, std::string_view value) {
  if (format_ == OutputFormat::kText) {
    Put(key);
    if (!value.empty()) PutByte('\t');
  }
  Put(value);
  PutByte('\n');
  ++records_;
}

void OutputSink::Put(std::string_view bytes) {
  if (bytes.size() > kBufferBytes - size_) {
    Flush();
    if (bytes.size() > kBufferBytes) return Write(bytes);
  }
  std::memcpy(buffer_.get() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void OutputSink::PutByte(char byte) {
  if (size_ == kBufferBytes) Flush();
  buffer_[size_++] = byte;
}

void OutputSink::Flush() {
  Write({buffer_.get(), size_});
  size_ = 0;
}

void OutputSink::Write(std::string_view bytes) {
  if (status_.ok()) status_ = file_->Append(bytes);
  if (!status_.ok()) throw EngineError(status_);
  if (steps_ != nullptr) steps_->Add();
  crc_ = ExtendCrc32c(crc_, bytes.data(), bytes.size());
  bytes_ += bytes.size();
}

absl::Status OutputSink::Close() {
  RETURN_IF_ERROR(status_);
  try {
    Flush();
  } catch (const EngineError& error) {
    return error.status();
  }
  return file_->Close();
}

}  // namespace quern::mr
