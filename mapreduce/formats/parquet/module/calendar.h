// Days and times of day as text and back (ISO 8601), for any year that 64 bits hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quern::mr::parquet {

inline constexpr int64_t kSecondsPerDay = 86'400;

// How many of a unit make a second, and the digits of its fraction: 1 and 0, 1'000 and 3, ...
struct TimeUnit {
  int64_t per_second = 1;
  int digits = 0;
};

// "2026-11-29" of days since 1970-01-01.
void AppendDate(int64_t days, std::string* out);
// "10:15:04.500000" of units since midnight.
void AppendTime(int64_t units, TimeUnit unit, std::string* out);
// "2026-11-29T10:15:04.500000" of units since 1970-01-01; `zone`, "Z" or nothing, comes behind.
void AppendDateTime(int64_t units, TimeUnit unit, std::string_view zone, std::string* out);

// Nothing for what is no date, no time, or does not fit into 64 bits.
std::optional<int64_t> ParseDate(std::string_view text);
// Microseconds since midnight; at most six digits of a fraction.
std::optional<int64_t> ParseTime(std::string_view text);
// Microseconds since 1970-01-01, of a date, "T" or a blank, a time, and "Z" or "+02:00" as `zone`
// demands: with it the text has to have one, without it it must not.
std::optional<int64_t> ParseDateTime(std::string_view text, bool zone);

}  // namespace quern::mr::parquet
