// Files of a storage that live in memory, for tests of readers and sinks.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "mapreduce/engine/storage.h"

namespace quern::mr {

// Hands out pieces of `piece_bytes`; each lives in memory of its own until the next, so that a view
// that is kept too long is seen by the sanitizer.
class MemoryStream final : public ByteStream {
 public:
  MemoryStream(std::string contents, size_t piece_bytes)
      : contents_(std::move(contents)), piece_bytes_(piece_bytes) {}
  absl::StatusOr<std::string_view> Next() override {
    piece_ = std::make_unique<std::string>(contents_.substr(at_, piece_bytes_));
    piece_->shrink_to_fit();
    at_ += piece_->size();
    return std::string_view(*piece_);
  }

 private:
  const std::string contents_;
  const size_t piece_bytes_;
  size_t at_ = 0;
  std::unique_ptr<std::string> piece_;
};

class MemoryFile final : public ReadableFile {
 public:
  MemoryFile(std::string contents, size_t piece_bytes)
      : contents_(std::move(contents)), piece_bytes_(piece_bytes) {}
  uint64_t length() const override { return contents_.size(); }
  std::unique_ptr<ByteStream> Stream(uint64_t offset, uint64_t length) override {
    return std::make_unique<MemoryStream>(
        contents_.substr(std::min<size_t>(offset, contents_.size()), length), piece_bytes_);
  }

 private:
  const std::string contents_;
  const size_t piece_bytes_;
};

// Appends to a string that outlives it.
class StringWritable final : public WritableFile {
 public:
  explicit StringWritable(std::string* to) : to_(to) {}
  absl::Status Append(std::string_view bytes) override {
    to_->append(bytes);
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* const to_;
};

}  // namespace quern::mr
