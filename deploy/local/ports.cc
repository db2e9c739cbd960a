#include "deploy/local/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <set>

namespace quern::local {
namespace {

// Below the kernel's own range (net.ipv4.ip_local_port_range), so that no outgoing connection takes
// the port between this choice and the server's start.
constexpr int kFirstFreePort = 15000;
constexpr int kLastFreePort = 32000;
constexpr int kTries = 10'000;

absl::Status CheckFree(const std::string& server, int port) {
  if (PortIsFree(port)) return absl::OkStatus();
  return FailedPreconditionError(
      "port {} of {} is in use by another program. Try: --port_base 0 (any free ports), or another "
      "--port_base",
      port, server);
}

UniqueFd BindLoopback(int port, int type) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  if (type == SOCK_STREAM) {
    // As the servers do: connections of a stopped server that linger are no obstacle.
    const int on = 1;
    setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd = {};
  return fd;
}

class FreePorts {
 public:
  FreePorts(const std::map<std::string, Ports>& kept, PortLeases* leases) : leases_(*leases) {
    for (const auto& [name, ports] : kept) taken_.insert({ports.rpc, ports.http});
  }

  absl::StatusOr<int> Next() {
    std::uniform_int_distribution<int> any(kFirstFreePort, kLastFreePort);
    for (int i = 0; i < kTries; ++i) {
      const int port = any(random_);
      if (!taken_.contains(port) && leases_.Take(port) && PortIsFree(port)) {
        taken_.insert(port);
        return port;
      }
    }
    return ResourceExhaustedError("no free port between {} and {}", kFirstFreePort, kLastFreePort);
  }

 private:
  PortLeases& leases_;
  std::random_device random_;
  std::set<int> taken_;
};

// Ports of a cluster that was here before.
bool IsOurs(const Ports& kept, PortLeases* leases) {
  return leases->Take(kept.rpc) && leases->Take(kept.http) && PortIsFree(kept.rpc) &&
         PortIsFree(kept.http);
}

}  // namespace

bool PortIsFree(int port) { return static_cast<bool>(BindLoopback(port, SOCK_STREAM)); }

bool PortLeases::Take(int port) {
  UniqueFd lease = BindLoopback(port, SOCK_DGRAM);
  if (!lease) return false;
  held_.push_back(std::move(lease));
  return true;
}

absl::StatusOr<std::map<std::string, Ports>> AssignPorts(const ClusterConfig& config,
                                                         PortLeases* leases) {
  const bool any_port = config.port_base == 0;
  std::map<std::string, Ports> assigned = config.ports;
  FreePorts free_ports(config.ports, leases);
  for (const ServerName& server : ServersOf(config)) {
    const std::string name = server.ToString();
    std::optional<Ports> ports = StandardPorts(server, config.port_base);
    if (const auto kept = config.ports.find(name); kept != config.ports.end()) ports = kept->second;
    if (ports.has_value() && any_port && !IsOurs(*ports, leases)) ports.reset();
    if (!ports.has_value()) {
      ports.emplace();
      ASSIGN_OR_RETURN(ports->rpc, free_ports.Next());
      ASSIGN_OR_RETURN(ports->http, free_ports.Next());
    }
    RETURN_IF_ERROR(CheckFree(name, ports->rpc));
    RETURN_IF_ERROR(CheckFree(name, ports->http));
    assigned[name] = *ports;
  }
  return assigned;
}

}  // namespace quern::local
