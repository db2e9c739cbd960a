// Reads a file from any place on, looking ahead, without fetching much more than is wanted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/records/block_scanner.h"
#include "common/status.h"
#include "mapreduce/engine/storage.h"

namespace quern::mr {

// Used by one thread.
class FileCursor final : public PeekableFile {
 public:
  // `file` is borrowed. What lies before `likely_end` is fetched in one stream, the rest piecemeal.
  explicit FileCursor(ReadableFile* file, uint64_t likely_end = 0)
      : file_(file), likely_end_(likely_end) {}

  void SeekTo(uint64_t offset) override;
  uint64_t offset() const override { return offset_; }
  absl::StatusOr<std::string_view> Peek(size_t want) override;
  absl::StatusOr<std::string_view> Peek() { return Peek(1); }
  void Skip(size_t bytes) override {
    at_hand_.remove_prefix(bytes);
    offset_ += bytes;
  }

 private:
  absl::StatusOr<std::string_view> NextPiece();

  ReadableFile* const file_;
  const uint64_t likely_end_;
  uint64_t offset_ = 0;
  std::unique_ptr<ByteStream> stream_;
  uint64_t stream_end_ = 0;
  std::string_view at_hand_;
  std::string joined_;  // holds at_hand_ when pieces had to be put together
  std::string spare_;   // becomes joined_ the next time
};

}  // namespace quern::mr
