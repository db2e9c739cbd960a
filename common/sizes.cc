#include "common/sizes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace quern {
namespace {

constexpr std::string_view kUnits = "KMGTPE";

struct Scaled {
  double value;
  int power;  // of 1024
};

Scaled Scale(uint64_t bytes) {
  auto value = static_cast<double>(bytes);
  int power = 0;
  // 1023.96 would be shown as 1024.0.
  while (value >= 1023.95 && power < static_cast<int>(kUnits.size())) {
    value /= 1024;
    ++power;
  }
  return {value, power};
}

// One decimal, but none when it is zero: 1.4, 128.
std::string OneDecimal(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

// Takes a decimal number off the front; false when there is none.
bool TakeNumber(std::string_view* text, double* number) {
  if (text->empty() || text->front() < '0' || text->front() > '9') return false;
  const char* const end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, *number, std::chars_format::fixed);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(rest - text->data()));
  return true;
}

// The power of 1024 of "", "b", "k", "kb", "kib"; -1 for anything else.
int PowerOfUnit(std::string unit) {
  if (unit.empty() || unit == "b") return 0;
  const size_t power = Lower(kUnits).find(unit.front());
  if (power == std::string::npos) return -1;
  const std::string rest = unit.substr(1);
  return rest.empty() || rest == "b" || rest == "ib" ? static_cast<int>(power) + 1 : -1;
}

struct DurationUnit {
  std::string_view name;
  absl::Duration length;
};
const std::array<DurationUnit, 6>& DurationUnits() {
  static const std::array<DurationUnit, 6> units = {{{"", absl::Seconds(1)},
                                                     {"ms", absl::Milliseconds(1)},
                                                     {"s", absl::Seconds(1)},
                                                     {"m", absl::Minutes(1)},
                                                     {"h", absl::Hours(1)},
                                                     {"d", absl::Hours(24)}}};
  return units;
}

std::string TwoUnits(int64_t large, std::string_view large_unit, int64_t small,
                     std::string_view small_unit) {
  if (small == 0) return fmt::format("{} {}", large, large_unit);
  return fmt::format("{} {} {} {}", large, large_unit, small, small_unit);
}

}  // namespace

std::string FormatSize(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}", bytes);
  const Scaled scaled = Scale(bytes);
  return fmt::format("{} {}", OneDecimal(scaled.value),
                     kUnits[static_cast<size_t>(scaled.power - 1)]);
}

std::string FormatBinarySize(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const Scaled scaled = Scale(bytes);
  return fmt::format("{} {}iB", OneDecimal(scaled.value),
                     kUnits[static_cast<size_t>(scaled.power - 1)]);
}

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  const auto error = [text] {
    return InvalidArgumentError("'{}' is not a size. Try: 4096, 64KiB, 1.5g", text);
  };
  std::string_view rest = text;
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  uint64_t whole = 0;
  const auto [end, integer_error] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
  const bool is_integer =
      integer_error == std::errc() && (end == rest.data() + rest.size() || *end != '.');
  double number = 0;
  if (!TakeNumber(&rest, &number)) return error();
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const int power = PowerOfUnit(Lower(rest));
  if (power < 0) return error();
  // Whole numbers do not go through double, which would round those above 2^53.
  if (is_integer) {
    if (whole > (UINT64_MAX >> (10 * power))) return error();
    return whole << (10 * power);
  }
  const double bytes = std::ldexp(number, 10 * power);
  if (!(bytes < 18446744073709551615.0)) return error();
  return static_cast<uint64_t>(bytes);
}

absl::StatusOr<int64_t> ParseNumber(std::string_view text, NumberRange range) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number < range.min || number > range.max) {
    return InvalidArgumentError("'{}' is not a whole number from {} to {}", text, range.min,
                                range.max);
  }
  return number;
}

std::string HumanDuration(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "for ever";
  if (duration < absl::ZeroDuration()) return "-" + HumanDuration(-duration);
  if (duration < absl::Milliseconds(999.5)) {
    return fmt::format("{:.0f} ms", absl::ToDoubleMilliseconds(duration));
  }
  if (duration < absl::Seconds(59.95)) {
    return fmt::format("{} s", OneDecimal(absl::ToDoubleSeconds(duration)));
  }
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return TwoUnits(seconds / 60, "min", seconds % 60, "s");
  const int64_t minutes = seconds / 60;
  if (minutes < 24 * 60) return TwoUnits(minutes / 60, "h", minutes % 60, "min");
  return TwoUnits(minutes / 60 / 24, "d", minutes / 60 % 24, "h");
}

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  std::string_view rest = text;
  absl::Duration sum;
  bool valid = !rest.empty();
  while (valid && !rest.empty()) {
    double number = 0;
    valid = TakeNumber(&rest, &number);
    if (!valid) break;
    const size_t unit_end = std::min(rest.find_first_of("0123456789"), rest.size());
    const std::string unit = Lower(rest.substr(0, unit_end));
    rest.remove_prefix(unit_end);
    const auto found = std::find_if(DurationUnits().begin(), DurationUnits().end(),
                                    [&](const DurationUnit& u) { return u.name == unit; });
    valid = found != DurationUnits().end();
    if (valid) sum += number * found->length;
  }
  if (!valid || sum == absl::InfiniteDuration()) {
    return InvalidArgumentError("'{}' is not a duration. Try: 250ms, 90s, 10m, 1h30m", text);
  }
  return sum;
}

std::string FormatCount(uint64_t n) {
  std::string digits = fmt::format("{}", n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string CountOf(uint64_t n, std::string_view one) {
  return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

}  // namespace quern
