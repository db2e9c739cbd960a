#include "client/shell/space.h"

#include <algorithm>
#include <map>
#include <string>

namespace quern::shell {

Space SpaceOf(const client::ClusterStatus& cluster) {
  Space sum;
  std::map<std::string, Space> shared;  // by device
  for (const auto& server : cluster.servers) {
    if (!server.alive) continue;
    sum.used += server.used_bytes;
    uint64_t capacity = server.capacity_bytes;
    uint64_t free = server.free_bytes;
    for (const auto& disk : server.disks) {
      if (disk.device.empty() || disk.failed) continue;
      // Moves out of the server's sums into the device's.
      capacity -= std::min(capacity, disk.capacity_bytes);
      free -= std::min(free, disk.free_bytes);
      const auto [found, first] =
          shared.try_emplace(disk.device, Space{.capacity = 0, .used = 0, .free = disk.free_bytes});
      Space& device = found->second;
      device.capacity = std::max(device.capacity, disk.capacity_bytes);
      device.free = std::min(device.free, disk.free_bytes);
    }
    sum.capacity += capacity;
    sum.free += free;
  }
  for (const auto& [name, device] : shared) {
    sum.capacity += device.capacity;
    sum.free += device.free;
  }
  return sum;
}

WriteAbility WriteAbilityOf(const client::ClusterStatus& cluster) {
  const Space space = SpaceOf(cluster);
  const auto alive =
      std::ranges::count_if(cluster.servers, [](const auto& server) { return server.alive; });
  return {.writable = cluster.writable,
          .halted = cluster.halted,
          .servers_alive = static_cast<size_t>(alive),
          .servers_known = cluster.servers.size(),
          .min_write_replicas = cluster.min_write_replicas,
          .default_replication = cluster.default_replication,
          .capacity_bytes = space.capacity,
          .free_bytes = space.free};
}

}  // namespace quern::shell
