// The file that a format writes to: small appends are gathered, what goes out is summed up.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "mapreduce/engine/storage.h"
#include "mapreduce/engine/stream_encoder.h"
#include "mapreduce/engine/work_steps.h"

namespace quern::mr {

// Used by one thread. The first error stays.
class OutputFile {
 public:
  // `steps`, if any, counts pieces that were handed to the file.
  explicit OutputFile(std::unique_ptr<WritableFile> file, WorkSteps* steps = nullptr);

  absl::Status Append(std::string_view bytes) {
    if (bytes.size() > kBufferBytes - size_) [[unlikely]]
      return AppendSlow(bytes);
    std::memcpy(buffer_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    return absl::OkStatus();
  }
  // Everything that is appended goes through it. Before the first append.
  void SetEncoder(std::unique_ptr<StreamEncoder> encoder) { encoder_ = std::move(encoder); }
  // The file is durable and visible when this returns OK.
  absl::Status Close();

  // Of the file; before Close it may count bytes that will still be encoded.
  uint64_t bytes() const { return bytes_ + size_; }
  uint32_t crc() const { return crc_; }  // CRC32C of the file; after Close

 private:
  // The piece in which the file system ships data.
  static constexpr size_t kBufferBytes = 1 << 20;

  absl::Status AppendSlow(std::string_view bytes);
  absl::Status Flush();
  absl::Status Write(std::string_view bytes);
  absl::Status WriteEncoded(std::string_view bytes);

  const std::unique_ptr<WritableFile> file_;
  WorkSteps* const steps_;
  std::unique_ptr<StreamEncoder> encoder_;  // nullptr: as it is
  const std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;
  uint64_t bytes_ = 0;  // handed to file_
  uint32_t crc_ = 0;
  absl::Status status_;
};

}  // namespace quern::mr
