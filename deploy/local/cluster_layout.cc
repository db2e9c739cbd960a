#include "deploy/local/cluster_layout.h"

#include <fmt/format.h>

namespace quern::local {
namespace {

constexpr int kHttpOffset = 100;  // the pages of a server stand 100 ports above its RPC port
constexpr int kOfAKind = 10;
constexpr int kLastPort = 65535;

std::string Loopback(int port) { return fmt::format("127.0.0.1:{}", port); }

int FirstOffset(Role role) {
  switch (role) {
    case Role::kMaster:
      return 0;
    case Role::kChunkserver:
      return 10;
    case Role::kCoordinator:
      return 20;
    case Role::kWorker:
      return 30;
  }
  return 0;
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kMaster:
      return "master";
    case Role::kChunkserver:
      return "chunkserver";
    case Role::kCoordinator:
      return "coordinator";
    case Role::kWorker:
      return "worker";
  }
  return "";
}

std::string ServerName::ToString() const {
  return index == 0 ? std::string(RoleName(role)) : fmt::format("{}{}", RoleName(role), index);
}

std::string ServerSpec::rpc_address() const { return Loopback(ports.rpc); }
std::string ServerSpec::http_address() const { return Loopback(ports.http); }

std::vector<ServerName> ServersOf(const ClusterConfig& config) {
  std::vector<ServerName> servers = {{Role::kMaster, 0}, {Role::kCoordinator, 0}};
  for (int i = 1; i <= config.chunkservers; ++i) servers.push_back({Role::kChunkserver, i});
  for (int i = 1; i <= config.workers; ++i) servers.push_back({Role::kWorker, i});
  return servers;
}

std::optional<Ports> StandardPorts(const ServerName& server, int base) {
  if (server.index > kOfAKind) return std::nullopt;
  const int nth = server.index == 0 ? 0 : server.index - 1;
  const int rpc = base + FirstOffset(server.role) + nth;
  if (base <= 0 || rpc + kHttpOffset > kLastPort) return std::nullopt;
  return Ports{rpc, rpc + kHttpOffset};
}

std::vector<ServerSpec> MakeLayout(const ClusterConfig& config, std::string_view cluster_dir,
                                   std::string_view bin_dir) {
  const std::string master = Loopback(config.ports.at("master").rpc);
  const std::string coordinator = Loopback(config.ports.at("coordinator").rpc);
  std::vector<ServerSpec> specs;
  for (const ServerName& server : ServersOf(config)) {
    ServerSpec spec;
    spec.role = server.role;
    spec.name = server.ToString();
    spec.dir = fmt::format("{}/{}", cluster_dir, spec.name);
    spec.log_path = fmt::format("{}/logs/{}.log", cluster_dir, spec.name);
    spec.ports = config.ports.at(spec.name);
    spec.argv = {fmt::format("{}/quern-{}", bin_dir, RoleName(server.role)),
                 "--listen",
                 spec.rpc_address(),
                 "--http",
                 spec.http_address(),
                 "--dir",
                 spec.dir};
    const auto add = [&spec](std::string_view flag, std::string value) {
      spec.argv.emplace_back(flag);
      spec.argv.push_back(std::move(value));
    };
    if (server.index > 0) {
      spec.node = fmt::format("node-{}", server.index);
      add("--node", spec.node);
    }
    if (server.role == Role::kMaster) {
      add("--replication", std::to_string(config.replication));
    } else {
      add("--master", master);
    }
    if (server.role == Role::kWorker) add("--coordinator", coordinator);
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace quern::local
