// Absolute paths of the file system, taken apart and checked.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::master {

inline constexpr size_t kMaxNameBytes = 255;
inline constexpr size_t kMaxPathBytes = 8000;
// Bounds the walk from a file to the root, which every link of a name takes.
inline constexpr size_t kMaxPathDepth = 256;

class Path {
 public:
  // InvalidArgument names the path and what is wrong with it: not absolute, an empty part, "." or
  // "..", a NUL byte, or too long. One slash at the end is accepted.
  static absl::StatusOr<Path> Parse(std::string_view text);

  // No parts: the root.
  const std::vector<std::string>& parts() const { return parts_; }
  bool is_root() const { return parts_.empty(); }
  std::string_view name() const { return parts_.back(); }
  std::string ToString() const { return Prefix(parts_.size()); }
  // The path of the first `count` parts.
  std::string Prefix(size_t count) const;
  std::string Parent() const { return Prefix(is_root() ? 0 : parts_.size() - 1); }

 private:
  std::vector<std::string> parts_;
};

}  // namespace quern::master
