// Ports of a local cluster's servers: the documented ones, kept ones, or any free ones.
#pragma once

#include <map>
#include <string>

#include "common/status.h"
#include "deploy/local/cluster_layout.h"

namespace quern::local {

// True when nobody listens on 127.0.0.1:port.
bool PortIsFree(int port);

// Ports for every server of `config`, by name: the ones that stand in config.ports; else the
// documented ones from config.port_base; else, past ten of a kind and when port_base is 0, any free
// ones. FailedPrecondition, naming server and flag, when a port is taken; with port_base 0 another
// one is chosen instead.
absl::StatusOr<std::map<std::string, Ports>> AssignPorts(const ClusterConfig& config);

}  // namespace quern::local
