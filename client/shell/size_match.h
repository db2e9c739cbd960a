// Which sizes `find --size` means: "10M" exactly so many bytes, "+10M" more, "-10M" less.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/status.h"

namespace quern::shell {

// Nothing is rounded: -1M are files of less than 1,048,576 bytes, not only empty ones.
class SizeMatch {
 public:
  // Every size, until it is set.
  SizeMatch() = default;
  // [+-]N with c (bytes) or any unit of ParseSize behind it. InvalidArgument otherwise.
  static absl::StatusOr<SizeMatch> Parse(std::string_view text);

  bool Matches(uint64_t bytes) const;

 private:
  enum class Kind { kAny, kExactly, kMore, kLess };
  SizeMatch(Kind kind, uint64_t bytes) : kind_(kind), bytes_(bytes) {}

  Kind kind_ = Kind::kAny;
  uint64_t bytes_ = 0;
};

}  // namespace quern::shell
