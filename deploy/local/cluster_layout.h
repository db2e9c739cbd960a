// Which servers a local cluster has, and the command line that starts each of them.
//
// Pure values: nothing here touches a file, a port or a process. Chunkserver i and worker i carry
// the node name node-i, since together they stand for one machine.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quern::local {

enum class Role { kMaster, kChunkserver, kCoordinator, kWorker };
std::string_view RoleName(Role role);  // "chunkserver"

// Both on 127.0.0.1.
struct Ports {
  int rpc = 0;
  int http = 0;
};

// What `quern up` remembers of a cluster over down/up (DIR/cluster.json).
struct ClusterConfig {
  int chunkservers = 3;
  int workers = 2;
  // Replicas of a new file unless its writer says otherwise.
  int replication = 3;
  // First of the documented ports; 0 = any free ones.
  int port_base = 9400;
  std::map<std::string, Ports> ports = {};  // by server name; kept from the start before
};

struct ServerName {
  Role role;
  int index;                     // 1-based; 0 where there is only one
  std::string ToString() const;  // "chunkserver2", "master"
};

struct ServerSpec {
  Role role;
  std::string name;
  std::string node;  // empty for master and coordinator
  std::string dir;
  std::string log_path;
  Ports ports;
  std::vector<std::string> argv;

  std::string rpc_address() const;  // "127.0.0.1:9400"
  std::string http_address() const;
};

// The servers of a cluster in the order in which they depend on each other.
std::vector<ServerName> ServersOf(const ClusterConfig& config);

// The documented port of a server: from `base`, ten of a kind. Nothing past the tenth, or when the
// number would not be a port.
std::optional<Ports> StandardPorts(const ServerName& server, int base);

// Complete command lines. Every server of the config must have its ports.
std::vector<ServerSpec> MakeLayout(const ClusterConfig& config, std::string_view cluster_dir,
                                   std::string_view bin_dir);

}  // namespace quern::local
