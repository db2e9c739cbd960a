// Visits to a web server: the requests of one host, cut where it was silent for long.
//
// Input: lines of an access log (common or combined log format):
//   HOST - - [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 203023 ...
// Lines without host, time or request are set aside and counted. Params: gap_seconds (1800).
// Output (text), by host and time:
//   HOST<TAB>first request (seconds since 1970)<TAB>seconds<TAB>requests<TAB>bytes<TAB>first path
//
// The requests of a host reach the reducer in the order of their times (secondary sort), so that a
// host may have any number of them.
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mapreduce/api/mapreduce.h"

namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int64_t> Digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number;
}

// "17/May/2015:10:05:03 +0000" as seconds since 1970.
std::optional<int64_t> ParseTime(std::string_view text) {
  if (text.size() != 26 || text[2] != '/' || text[6] != '/' || text[11] != ':') return std::nullopt;
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
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t zone = (*zone_hours * 60 + *zone_minutes) * 60;
  return ((days * 24 + *hour) * 60 + *minute) * 60 + *second + (text[21] == '-' ? zone : -zone);
}

// The text between two marks, behind `from`; empty when they are not there.
std::string_view Between(std::string_view line, char open, char close, size_t* from) {
  const size_t begin = line.find(open, *from);
  if (begin == std::string_view::npos) return {};
  const size_t end = line.find(close, begin + 1);
  if (end == std::string_view::npos) return {};
  *from = end + 1;
  return line.substr(begin + 1, end - begin - 1);
}

class RequestMapper : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    const std::string_view line = in.value();
    const std::string_view host = line.substr(0, line.find(' '));
    size_t at = host.size();
    const std::optional<int64_t> time = ParseTime(Between(line, '[', ']', &at));
    if (host.empty() || !time) context().SkipRecord("no host and time");
    const auto request = quern::text::Split(Between(line, '"', '"', &at), ' ');
    if (request.size() < 2) context().SkipRecord("no request");
    // " 200 203023": a request without an answer has "-".
    const auto rest = quern::text::Split(line.substr(at), ' ');
    const int64_t bytes = rest.size() > 2 ? Digits(rest[2]).value_or(0) : 0;
    Emit(quern::Ordered(host, *time), std::to_string(bytes) + " " + std::string(request[1]));
  }
};
QUERN_REGISTER_MAPPER(RequestMapper);

// With [reduce] group = 1: one call for each host.
class SessionReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    gap_ = quern::ParseInt(context.param("gap_seconds", "1800"));
    sessions_ = context.counter("sessions");
  }
  void Reduce(quern::ReduceInput* in) override {
    const std::string host = quern::Decode<std::string>(in->key());
    std::optional<Session> session;
    for (const auto& [key, value] : in->records()) {
      const int64_t time = std::get<1>(quern::Decode<std::string, int64_t>(key));
      if (session && time - session->last > gap_) EmitSession(host, *session), session.reset();
      const size_t blank = value.find(' ');
      if (!session) session = Session{time, time, 0, 0, std::string(value.substr(blank + 1))};
      session->last = time;
      session->bytes += quern::ParseInt(value.substr(0, blank));
      ++session->requests;
    }
    if (session) EmitSession(host, *session);
  }

 private:
  struct Session {
    int64_t first;
    int64_t last;
    int64_t requests;
    int64_t bytes;
    std::string path;
  };
  void EmitSession(const std::string& host, const Session& session) {
    sessions_->Increment();
    Emit(host, std::to_string(session.first) + "\t" + std::to_string(session.last - session.first) +
                   "\t" + std::to_string(session.requests) + "\t" + std::to_string(session.bytes) +
                   "\t" + session.path);
  }

  int64_t gap_ = 0;
  quern::Counter* sessions_ = nullptr;
};
QUERN_REGISTER_REDUCER(SessionReducer);

}  // namespace
