// Ports of a local cluster's servers: the documented ones, kept ones, or any free ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/status.h"
#include "deploy/local/cluster_layout.h"

namespace quern::local {

// True when nobody listens on 127.0.0.1:port.
bool PortIsFree(int port);

// Keeps other local clusters away from a port while the server it is meant for is down: a UDP
// socket of the same number, which every cluster asks for first. Let go with this object.
class PortLeases {
 public:
  // False when another cluster has it.
  bool Take(int port);

 private:
  std::vector<UniqueFd> held_;
};

// Ports for every server of `config`, by name: the ones that stand in config.ports; else the
// documented ones from config.port_base; else, past ten of a kind and when port_base is 0, any free
// ones. FailedPrecondition, naming server and flag, when a port is taken; with port_base 0 another
// one is chosen instead. Those that nobody has asked for by number are leased.
absl::StatusOr<std::map<std::string, Ports>> AssignPorts(const ClusterConfig& config,
                                                         PortLeases* leases);

}  // namespace quern::local
