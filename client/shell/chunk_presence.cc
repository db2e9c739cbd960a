#include "client/shell/chunk_presence.h"

#include <utility>

namespace quern::shell {

using client::ServerAddress;

SilentServers::SilentServers(const client::ClusterStatus& cluster) {
  for (const auto& server : cluster.servers) {
    if (server.alive) continue;
    // The master gives no age where there was no heartbeat. Those that are dead are among these
    // too, which does not matter: it names no replica on them.
    const bool awaited = server.heartbeat_age < absl::ZeroDuration();
    servers_[server.address.id] = awaited ? Silence::kAwaited : Silence::kLate;
  }
}

std::vector<ChunkPresence> SilentServers::Separate(std::vector<client::ChunkInfo> chunks) const {
  std::vector<ChunkPresence> result;
  for (client::ChunkInfo& info : chunks) {
    ChunkPresence& chunk = result.emplace_back();
    chunk.info = std::move(info);
    if (!chunk.info.sealed) continue;
    for (const ServerAddress& server : std::exchange(chunk.info.replicas, {})) {
      const auto silent = servers_.find(server.id);
      if (silent == servers_.end()) {
        chunk.info.replicas.push_back(server);
      } else if (silent->second == Silence::kAwaited) {
        chunk.awaited.push_back(server);
      } else {
        chunk.late.push_back(server);
      }
    }
  }
  return result;
}

}  // namespace quern::shell
