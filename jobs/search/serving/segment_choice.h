// Which segments of an index a machine serves: "0-3,7", or "4-" for all from there on, those that
// are still to come too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace quern::search {

class SegmentChoice {
 public:
  // All of them.
  SegmentChoice() = default;
  // InvalidArgument for anything but numbers and ranges between commas.
  static absl::StatusOr<SegmentChoice> Parse(std::string_view text);

  bool Has(size_t segment) const;

 private:
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  std::vector<Range> ranges_;  // none: all
};

}  // namespace quern::search
