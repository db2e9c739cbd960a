// Sizes, rates and durations as people write and read them.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"

namespace quern {

// As HDFS -h shows it: "0", "512", "1.4 K", "128 M", "1.4 G" (powers of 1024, at most one decimal).
std::string FormatSize(uint64_t bytes);
// "512 B", "1.4 KiB", "128 MiB".
std::string FormatBinarySize(uint64_t bytes);
// "640", "64k", "64K", "64KiB", "64kb", "1.5g", blanks allowed before the unit. Every unit is a
// power of 1024. InvalidArgument otherwise, also when it does not fit.
absl::StatusOr<uint64_t> ParseSize(std::string_view text);

// Whole numbers, both ends included.
struct NumberRange {
  int64_t min = 0;
  int64_t max = 0;
};
// InvalidArgument names the range: "'x' is not a whole number from 1 to 16".
absl::StatusOr<int64_t> ParseNumber(std::string_view text, NumberRange range);

// (Not FormatDuration, which argument-dependent lookup would mix with absl::FormatDuration.)
// Two units at most: "350 ms", "12.3 s", "4 min 10 s", "2 h 5 min", "3 d 4 h".
std::string HumanDuration(absl::Duration duration);
// "90s", "10m", "1h30m", "250ms"; a bare number is seconds. InvalidArgument otherwise.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// "1234567" -> "1,234,567".
std::string FormatCount(uint64_t n);

// "1 segment", "2 segments", "0 segments": of what takes an s when there are several.
std::string CountOf(uint64_t n, std::string_view one);

}  // namespace quern
