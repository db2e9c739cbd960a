#include "mapreduce/engine/output_file.h"

#include "common/crc32c.h"

namespace quern::mr {

OutputFile::OutputFile(std::unique_ptr<WritableFile> file, WorkSteps* steps)
    : file_(std::move(file)),
      steps_(steps),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

absl::Status OutputFile::AppendSlow(std::string_view bytes) {
  RETURN_IF_ERROR(Flush());
  return bytes.size() > kBufferBytes ? Write(bytes) : Append(bytes);
}

absl::Status OutputFile::Flush() {
  const size_t size = std::exchange(size_, 0);
  return Write({buffer_.get(), size});
}

absl::Status OutputFile::Write(std::string_view bytes) {
  if (encoder_ == nullptr) return WriteEncoded(bytes);
  if (status_.ok()) {
    status_ = encoder_->Add(bytes, [this](std::string_view part) { return WriteEncoded(part); });
  }
  return status_;
}

absl::Status OutputFile::WriteEncoded(std::string_view bytes) {
  if (bytes.empty()) return status_;
  if (status_.ok()) status_ = file_->Append(bytes);
  RETURN_IF_ERROR(status_);
  if (steps_ != nullptr) steps_->Add();
  crc_ = ExtendCrc32c(crc_, bytes.data(), bytes.size());
  bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::Status OutputFile::Close() {
  RETURN_IF_ERROR(Flush());
  if (encoder_ != nullptr) {
    RETURN_IF_ERROR(encoder_->Finish([this](std::string_view part) { return WriteEncoded(part); }));
  }
  return file_->Close();
}

}  // namespace quern::mr
