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
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/classic/access_log.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class RequestMapper : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    std::string_view why;
    const auto entry = quern::classic::ReadLogEntry(in.value(), &why);
    if (!entry) context().SkipRecord(why);
    Emit(quern::Ordered(entry->host, entry->seconds),
         std::to_string(entry->bytes) + " " + std::string(entry->target));
  }
};
QUERN_REGISTER_MAPPER(RequestMapper);

// With [reduce] group = 1: one call for each host.
class SessionReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    gap_ = NumberParam(context, "gap_seconds", "1800", 0, INT64_MAX);
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
      session->bytes = Sum(session->bytes, quern::ParseInt(value.substr(0, blank)));
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
  // Of what is not below 0. A log may claim any number of bytes; there are none beyond the largest.
  static int64_t Sum(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }
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
