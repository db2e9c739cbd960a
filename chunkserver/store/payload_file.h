// The bytes of a replica that lies in the index, to be read like a file.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "common/storage/file_io.h"

namespace quern::chunkserver {

class PayloadFile final : public File {
 public:
  explicit PayloadFile(std::string payload) : payload_(std::move(payload)) {}

  absl::StatusOr<size_t> Pread(uint64_t offset, size_t n, char* out) override {
    if (offset >= payload_.size()) return size_t{0};
    const size_t bytes = std::min(n, payload_.size() - static_cast<size_t>(offset));
    std::memcpy(out, payload_.data() + offset, bytes);
    return bytes;
  }
  absl::StatusOr<uint64_t> Size() override { return uint64_t{payload_.size()}; }
  int fd() const override { return -1; }
  const std::string& path() const override { return path_; }

  // It is only read.
  absl::Status Pwritev(std::span<const iovec>, uint64_t) override { return ReadOnly(); }
  absl::Status Datasync() override { return ReadOnly(); }
  absl::Status StartWriteback(uint64_t, uint64_t) override { return ReadOnly(); }
  absl::Status Truncate(uint64_t) override { return ReadOnly(); }
  absl::Status Reserve(uint64_t) override { return ReadOnly(); }

 private:
  static absl::Status ReadOnly() { return UnimplementedError("a row of the index is only read"); }

  const std::string payload_;
  const std::string path_ = "(index)";
};

}  // namespace quern::chunkserver
