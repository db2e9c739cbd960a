// HOST:PORT addresses.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"

namespace quern {

struct HostPort {
  std::string host;
  int port = 0;
  // "127.0.0.1:80", "[::1]:80".
  std::string ToString() const;
};
// InvalidArgument when it is anything but HOST:PORT. "[::1]:80" is understood.
absl::StatusOr<HostPort> ParseHostPort(std::string_view address);
// True for 127.0.0.0/8, ::1 and localhost.
bool IsLoopback(std::string_view host);
// True for 0.0.0.0 and ::.
bool IsWildcard(std::string_view host);
// The machine's name; "localhost" when it has none.
std::string HostName();

}  // namespace quern
