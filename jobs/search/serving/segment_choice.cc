#include "jobs/search/serving/segment_choice.h"

#include <algorithm>
#include <limits>
#include <string>

#include "common/clean_text.h"
#include "common/cli/cli.h"

namespace quern::search {
namespace {

constexpr NumberRange kNumbers = {0, 1'000'000'000};

}  // namespace

absl::StatusOr<SegmentChoice> SegmentChoice::Parse(std::string_view text) {
  const auto wrong = [&] {
    return InvalidArgumentError(
        "'{}' is no choice of segments. Try: numbers from 0 and ranges, as 0-3,7 or 4-",
        CleanLine(text, 100));
  };
  SegmentChoice choice;
  for (const std::string& one : SplitList(text)) {
    const size_t dash = one.find('-');
    const auto first = ParseNumber(one.substr(0, dash), kNumbers);
    if (!first.ok()) return wrong();
    Range range{static_cast<uint64_t>(*first), static_cast<uint64_t>(*first)};
    if (dash != std::string::npos && dash + 1 == one.size()) {
      range.last = std::numeric_limits<uint64_t>::max();
    } else if (dash != std::string::npos) {
      const auto last = ParseNumber(one.substr(dash + 1), kNumbers);
      if (!last.ok() || *last < *first) return wrong();
      range.last = static_cast<uint64_t>(*last);
    }
    choice.ranges_.push_back(range);
  }
  if (choice.ranges_.empty()) return wrong();
  return choice;
}

bool SegmentChoice::Has(size_t segment) const {
  return ranges_.empty() || std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& range) {
           return range.first <= segment && segment <= range.last;
         });
}

}  // namespace quern::search
