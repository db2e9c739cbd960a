#include "mapreduce/formats/parquet/module/calendar.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace quern::mr::parquet {

namespace {

constexpr int64_t kMicros = 1'000'000;
// The calendar repeats itself after so many years, which are so many days.
constexpr int64_t kYearsPerEra = 400;
constexpr int64_t kDaysPerEra = 146'097;

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

void AppendNumber(int64_t number, int digits, std::string* out) {
  char text[24];
  const int size =
      std::snprintf(text, sizeof(text), "%0*lld", digits, static_cast<long long>(number));
  out->append(text, static_cast<size_t>(size));
}

// Takes so many digits off the front.
bool TakeNumber(size_t digits, std::string_view* text, int64_t* number) {
  if (text->size() < digits) return false;
  for (size_t i = 0; i < digits; ++i) {
    if ((*text)[i] < '0' || (*text)[i] > '9') return false;
  }
  std::from_chars(text->data(), text->data() + digits, *number);
  text->remove_prefix(digits);
  return true;
}

bool Take(char c, std::string_view* text) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

bool TakeDate(std::string_view* text, int64_t* days) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!TakeNumber(4, text, &year) || !Take('-', text) || !TakeNumber(2, text, &month) ||
      !Take('-', text) || !TakeNumber(2, text, &day)) {
    return false;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return false;
  *days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

// "." and one to six digits, in microseconds.
bool TakeFraction(std::string_view* text, int64_t* micros) {
  *micros = 0;
  if (!Take('.', text)) return true;
  int64_t unit = kMicros;
  int64_t digit = 0;
  while (unit > 1 && TakeNumber(1, text, &digit)) {
    unit /= 10;
    *micros += digit * unit;
  }
  return unit < kMicros;
}

bool TakeTime(std::string_view* text, int64_t* micros) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  if (!TakeNumber(2, text, &hour) || !Take(':', text) || !TakeNumber(2, text, &minute)) {
    return false;
  }
  if (Take(':', text) && (!TakeNumber(2, text, &second) || !TakeFraction(text, &fraction))) {
    return false;
  }
  if (hour > 23 || minute > 59 || second > 59) return false;
  *micros = ((hour * 60 + minute) * 60 + second) * kMicros + fraction;
  return true;
}

// "Z", or how far ahead of it.
bool TakeZone(std::string_view* text, int64_t* ahead_micros) {
  *ahead_micros = 0;
  if (Take('Z', text)) return true;
  const bool behind = !text->empty() && text->front() == '-';
  if (!behind && !Take('+', text)) return false;
  if (behind) text->remove_prefix(1);
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!TakeNumber(2, text, &hours)) return false;
  if (!text->empty() && (Take(':', text), !TakeNumber(2, text, &minutes))) return false;
  if (hours > 23 || minutes > 59) return false;
  *ahead_micros = (hours * 60 + minutes) * 60 * kMicros * (behind ? -1 : 1);
  return true;
}

}  // namespace

void AppendDate(int64_t days, std::string* out) {
  // The standard library's years end at 32767.
  const int64_t era = FloorDiv(days, kDaysPerEra);
  const std::chrono::year_month_day date(
      std::chrono::sys_days(std::chrono::days(days - era * kDaysPerEra)));
  const int64_t year = era * kYearsPerEra + static_cast<int>(date.year());
  AppendNumber(year, year < 0 ? 5 : 4, out);
  *out += '-';
  AppendNumber(static_cast<unsigned>(date.month()), 2, out);
  *out += '-';
  AppendNumber(static_cast<unsigned>(date.day()), 2, out);
}

void AppendTime(int64_t units, TimeUnit unit, std::string* out) {
  const int64_t seconds = FloorDiv(units, unit.per_second);
  AppendNumber(seconds / 3600, 2, out);
  *out += ':';
  AppendNumber(seconds / 60 % 60, 2, out);
  *out += ':';
  AppendNumber(seconds % 60, 2, out);
  if (unit.digits == 0) return;
  *out += '.';
  AppendNumber(units - seconds * unit.per_second, unit.digits, out);
}

void AppendDateTime(int64_t units, TimeUnit unit, std::string_view zone, std::string* out) {
  const int64_t per_day = kSecondsPerDay * unit.per_second;
  const int64_t days = FloorDiv(units, per_day);
  AppendDate(days, out);
  *out += 'T';
  // Not units - days * per_day, which the first day of 64 bits is too much for.
  const int64_t rest = units % per_day;
  AppendTime(rest < 0 ? rest + per_day : rest, unit, out);
  *out += zone;
}

std::optional<int64_t> ParseDate(std::string_view text) {
  int64_t days = 0;
  if (!TakeDate(&text, &days) || !text.empty()) return std::nullopt;
  return days;
}

std::optional<int64_t> ParseTime(std::string_view text) {
  int64_t micros = 0;
  if (!TakeTime(&text, &micros) || !text.empty()) return std::nullopt;
  return micros;
}

std::optional<int64_t> ParseDateTime(std::string_view text, bool zone) {
  int64_t days = 0;
  int64_t micros = 0;
  int64_t ahead = 0;
  if (!TakeDate(&text, &days)) return std::nullopt;
  if ((!Take('T', &text) && !Take(' ', &text)) || !TakeTime(&text, &micros)) return std::nullopt;
  if (zone && !TakeZone(&text, &ahead)) return std::nullopt;
  if (!text.empty()) return std::nullopt;
  return days * kSecondsPerDay * kMicros + micros - ahead;
}

}  // namespace quern::mr::parquet
