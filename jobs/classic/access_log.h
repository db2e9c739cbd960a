// One line of a web server's access log (common or combined log format):
//   HOST - - [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 203023 ...
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quern::classic {

// Views into the line.
struct LogEntry {
  std::string_view host;
  int64_t seconds = 0;  // since 1970
  std::string_view method;
  std::string_view target;  // what was asked for, as it stands there; may have blanks in it
  int64_t bytes = 0;        // 0 where the log has "-"
};

// Nothing when the line has no host, time or request. `why` says which.
std::optional<LogEntry> ReadLogEntry(std::string_view line, std::string_view* why);

}  // namespace quern::classic
