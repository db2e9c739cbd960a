#include "jobs/classic/access_log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "mapreduce/api/parse.h"

namespace quern::classic {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int64_t> Digits(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// What stands between the numbers and names of a time, which are as wide as these blanks.
constexpr std::string_view kTimeForm = "  /   /    :  :  :        ";

bool HasFormOfTime(std::string_view text) {
  if (text.size() != kTimeForm.size()) return false;
  for (size_t i = 0; i < kTimeForm.size(); ++i) {
    if (kTimeForm[i] != ' ' && text[i] != kTimeForm[i]) return false;
  }
  return text[20] == ' ' && (text[21] == '+' || text[21] == '-');
}

// "17/May/2015:10:05:03 +0000" as seconds since 1970. A second may be a leap second.
std::optional<int64_t> ParseTime(std::string_view text) {
  if (!HasFormOfTime(text)) return std::nullopt;
  unsigned month = 0;
  while (month < kMonths.size() && kMonths[month] != text.substr(3, 3)) ++month;
  const auto day = Digits(text.substr(0, 2));
  const auto year = Digits(text.substr(7, 4));
  const auto hour = Digits(text.substr(12, 2));
  const auto minute = Digits(text.substr(15, 2));
  const auto second = Digits(text.substr(18, 2));
  const auto zone_hours = Digits(text.substr(22, 2));
  const auto zone_minutes = Digits(text.substr(24, 2));
  if (!day || !year || !hour || !minute || !second || !zone_hours || !zone_minutes) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(month + 1),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (*zone_hours > 23 || *zone_minutes > 59) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t zone = (*zone_hours * 60 + *zone_minutes) * 60;
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second + (text[21] == '-' ? zone : -zone);
}

// The first time between brackets, behind `from`; nothing when there is none. The name of a user in
// front of it may have brackets too.
std::optional<int64_t> BracketedTime(std::string_view line, size_t* from) {
  size_t begin = line.find('[', *from);
  for (; begin != std::string_view::npos; begin = line.find('[', begin + 1)) {
    const std::optional<int64_t> time = ParseTime(line.substr(begin + 1, kTimeForm.size()));
    const size_t end = begin + 1 + kTimeForm.size();
    if (!time || end >= line.size() || line[end] != ']') continue;
    *from = end + 1;
    return time;
  }
  return std::nullopt;
}

// The text between two quotes, behind `from`; empty when they are not there. One behind a backslash
// is no end: servers write \" for a quote and \\ for a backslash.
std::string_view Quoted(std::string_view line, size_t* from) {
  const size_t begin = line.find('"', *from);
  if (begin == std::string_view::npos) return {};
  size_t end = begin + 1;
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
  if (end >= line.size()) return {};
  *from = end + 1;
  return line.substr(begin + 1, end - begin - 1);
}

std::string_view WithoutBlanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "HTTP/1.1", or what strays to a web server: "RTSP/1.0", "SIP/2.0", "http/1.1", "HTTP/V1.0".
bool IsVersion(std::string_view part) {
  const auto slash = static_cast<size_t>(std::ranges::find_if_not(part, IsLetter) - part.begin());
  if (slash == 0 || slash == part.size() || part[slash] != '/') return false;
  if (part.starts_with("HTTP/")) return true;  // whatever follows
  std::string_view number = part.substr(slash + 1);
  if (number.starts_with('V') || number.starts_with('v')) number.remove_prefix(1);
  return std::ranges::any_of(number, IsDigit) &&
         number.find_first_not_of("0123456789.") == std::string_view::npos;
}

// "METHOD TARGET HTTP/1.1", or "METHOD TARGET" of HTTP/0.9. Clients ask for targets with blanks in
// them, and servers log them as they came. False when there is no target.
bool ReadRequest(std::string_view request, LogEntry* entry) {
  request = WithoutBlanks(request);
  const size_t method_end = request.find(' ');
  if (method_end == std::string_view::npos) return false;
  entry->method = request.substr(0, method_end);
  // With the blank in front, so that a version alone is found to be one.
  std::string_view target = request.substr(method_end);
  const size_t last = target.rfind(' ');
  if (IsVersion(target.substr(last + 1))) target = target.substr(0, last);
  entry->target = WithoutBlanks(target);
  return !entry->target.empty();
}

}  // namespace

std::optional<LogEntry> ReadLogEntry(std::string_view line, std::string_view* why) {
  LogEntry entry;
  entry.host = line.substr(0, line.find(' '));
  size_t at = entry.host.size();
  const std::optional<int64_t> time = BracketedTime(line, &at);
  if (entry.host.empty() || !time) {
    *why = "no host and time";
    return std::nullopt;
  }
  entry.seconds = *time;
  if (!ReadRequest(Quoted(line, &at), &entry)) {
    *why = "no request";
    return std::nullopt;
  }
  // " 200 203023": a request without an answer has "-".
  const auto rest = text::Split(line.substr(at), ' ');
  if (rest.size() > 2) entry.bytes = Digits(rest[2]).value_or(0);
  return entry;
}

}  // namespace quern::classic
