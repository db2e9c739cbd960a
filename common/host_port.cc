#include "common/host_port.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <charconv>

namespace quern {

std::string HostPort::ToString() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

absl::StatusOr<HostPort> ParseHostPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == address.size()) {
    return InvalidArgumentError("'{}' is not HOST:PORT", address);
  }
  HostPort parts;
  parts.host = address.substr(0, colon);
  if (parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  } else if (parts.host.find(':') != std::string::npos) {
    return InvalidArgumentError("'{}' is not HOST:PORT: write [{}]:PORT for IPv6", address,
                                parts.host);
  }
  const std::string_view digits = address.substr(colon + 1);
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, parts.port);
  if (error != std::errc() || rest != end || parts.port < 0 || parts.port > 65535) {
    return InvalidArgumentError("'{}' is not HOST:PORT: the port must be 0 to 65535", address);
  }
  return parts;
}

bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // Parsed, since "127.evil.example" is a name that may lead anywhere.
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
         (ntohl(address.s_addr) >> 24) == 127;
}

bool IsWildcard(std::string_view host) { return host == "0.0.0.0" || host == "::"; }

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

}  // namespace quern
