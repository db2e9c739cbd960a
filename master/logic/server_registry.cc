#include "master/logic/server_registry.h"

#include <algorithm>

namespace quern::master {

std::string_view ToString(ServerHealth health) {
  switch (health) {
    case ServerHealth::kAwaited:
      return "awaited";
    case ServerHealth::kAlive:
      return "alive";
    case ServerHealth::kSuspected:
      return "suspected";
    case ServerHealth::kDead:
      return "dead";
  }
  return "?";
}

pb::ServerAddress ServerInfo::Address() const {
  pb::ServerAddress address;
  address.set_server_id(id.value());
  address.set_address(row.address());
  address.set_node(row.node());
  address.set_rack(row.rack());
  return address;
}

void ServerRegistry::Load(ServerId id, const pb::ServerRow& row) {
  ServerInfo& server = servers_[id];
  server.id = id;
  server.row = row;
  by_uuid_[row.uuid()] = id;
}

std::optional<ServerId> ServerRegistry::FindByUuid(std::string_view uuid) const {
  const auto found = by_uuid_.find(uuid);
  if (found == by_uuid_.end()) return std::nullopt;
  return found->second;
}

void ServerRegistry::SetDisks(const google::protobuf::RepeatedPtrField<pb::DiskReport>& disks,
                              ServerInfo* server) const {
  server->disks.assign(disks.begin(), disks.end());
  server->capacity_bytes = server->used_bytes = server->free_bytes = 0;
  for (const pb::DiskReport& disk : disks) {
    if (disk.failed()) continue;
    server->capacity_bytes += disk.capacity_bytes();
    server->used_bytes += disk.used_bytes();
    server->free_bytes += disk.free_bytes();
  }
}

void ServerRegistry::Admit(ServerId id, const pb::ServerMessage::Register& registration,
                           absl::Time now) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return;
  ServerInfo& server = found->second;
  SetDisks(registration.disks(), &server);
  server.version = registration.version();
  server.registered = true;
  server.connected = true;
  server.confirmed = false;
  server.dead = false;
  server.last_heard = now;
}

void ServerRegistry::Confirm(ServerId id) {
  const auto found = servers_.find(id);
  if (found != servers_.end()) found->second.confirmed = true;
}

void ServerRegistry::Heartbeat(ServerId id, const pb::ServerMessage::Heartbeat& heartbeat,
                               absl::Time now) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return;
  SetDisks(heartbeat.disks(), &found->second);
  found->second.open_streams = heartbeat.open_streams();
  found->second.last_heard = now;
}

void ServerRegistry::Disconnect(ServerId id) {
  const auto found = servers_.find(id);
  if (found != servers_.end()) found->second.connected = false;
}

std::vector<ServerId> ServerRegistry::TakeDead(absl::Time now) {
  std::vector<ServerId> dead;
  for (auto& [id, server] : servers_) {
    if (!server.registered || server.dead) continue;
    if (now - server.last_heard < options_.dead_after) continue;
    server.dead = true;
    server.confirmed = false;
    dead.push_back(id);
  }
  return dead;
}

absl::Time ServerRegistry::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [id, server] : servers_) {
    if (server.registered && !server.dead) {
      next = std::min(next, server.last_heard + options_.dead_after);
    }
  }
  return next;
}

const ServerInfo* ServerRegistry::Find(ServerId id) const {
  const auto found = servers_.find(id);
  return found == servers_.end() ? nullptr : &found->second;
}

ServerHealth ServerRegistry::Health(const ServerInfo& server, absl::Time now) const {
  if (!server.registered) return ServerHealth::kAwaited;
  if (server.dead) return ServerHealth::kDead;
  if (!server.connected || now - server.last_heard > options_.suspect_after) {
    return ServerHealth::kSuspected;
  }
  return ServerHealth::kAlive;
}

ServerHealth ServerRegistry::Health(ServerId id, absl::Time now) const {
  const ServerInfo* server = Find(id);
  return server == nullptr ? ServerHealth::kDead : Health(*server, now);
}

size_t ServerRegistry::CountAlive(absl::Time now) const {
  return static_cast<size_t>(std::count_if(
      servers_.begin(), servers_.end(),
      [&](const auto& entry) { return Health(entry.second, now) == ServerHealth::kAlive; }));
}

bool ServerRegistry::AllConfirmed() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const auto& entry) { return entry.second.confirmed || entry.second.dead; });
}

}  // namespace quern::master
