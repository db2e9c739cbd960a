// Binary search in a sorted text file that is only read where needed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern::inverted {

// Reads up to n bytes at an offset; less only at the end of the file.
using ReadAt = std::function<absl::StatusOr<std::string>(uint64_t offset, size_t n)>;

// Lines `key<TAB>rest`, sorted by the bytes of their keys. Used by one thread.
class SortedLines {
 public:
  SortedLines(ReadAt read, uint64_t size) : read_(std::move(read)), size_(size) {}

  // Without its line feed; none when there is no line, or one that is longer than a window.
  absl::StatusOr<std::optional<std::string>> FirstLine();
  // Calls `visit(rest)` for every line of `key`, in order. Reads O(log size) windows to find them.
  absl::Status ForEach(std::string_view key,
                       const std::function<absl::Status(std::string_view)>& visit);

 private:
  struct Line {
    uint64_t start = 0;
    std::string text;  // without its line feed
  };
  // The first line that starts at `offset` or after it; none at the end of the file.
  absl::StatusOr<std::optional<Line>> LineFrom(uint64_t offset);
  // Bytes from `offset` up to and without the next line feed.
  absl::StatusOr<std::string> RestOfLine(uint64_t offset);
  // Smallest offset from which the next line's key is not less than `key`.
  absl::StatusOr<uint64_t> LowerBound(std::string_view key);
  // The window that holds `offset`; empty only at the end of the file.
  absl::StatusOr<std::string_view> Window(uint64_t offset);

  const ReadAt read_;
  const uint64_t size_;
  uint64_t window_start_ = 0;
  std::string window_;
};

}  // namespace quern::inverted
