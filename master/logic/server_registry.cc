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
  ServerInfo* server = FindMutable(id);
  if (server == nullptr) {
    server = &servers_[id];
    server->id = id;
    if (by_id_.size() <= id.value()) by_id_.resize(id.value() + 1);
    by_id_[id.value()] = server;
    in_order_.insert(std::upper_bound(in_order_.begin(), in_order_.end(), server,
                                      [](auto* a, auto* b) { return a->id < b->id; }),
                     server);
    ++unsettled_;
  } else {
    RemoveFromTopology(*server);
  }
  server->row = row;
  by_uuid_[row.uuid()] = id;
  AddToTopology(*server);
}

void ServerRegistry::AddToTopology(const ServerInfo& server) {
  nodes_[server.row.node()].push_back(server.id);
  const auto rack = std::find_if(racks_.begin(), racks_.end(),
                                 [&](const Rack& r) { return r.name == server.row.rack(); });
  if (rack != racks_.end()) {
    rack->servers.push_back(server.id);
  } else {
    racks_.push_back({server.row.rack(), {server.id}});
  }
}

void ServerRegistry::RemoveFromTopology(const ServerInfo& server) {
  std::erase(nodes_[server.row.node()], server.id);
  for (Rack& rack : racks_) {
    if (rack.name == server.row.rack()) std::erase(rack.servers, server.id);
  }
  std::erase_if(racks_, [](const Rack& rack) { return rack.servers.empty(); });
}

std::span<const ServerId> ServerRegistry::OnNode(std::string_view node) const {
  const auto found = nodes_.find(node);
  if (node.empty() || found == nodes_.end()) return {};
  return found->second;
}

ServerInfo* ServerRegistry::FindMutable(ServerId id) {
  return id.value() < by_id_.size() ? by_id_[id.value()] : nullptr;
}

void ServerRegistry::Settle(ServerInfo* server, bool confirmed, bool dead) {
  if (server->confirmed || server->dead) ++unsettled_;
  server->confirmed = confirmed;
  server->dead = dead;
  if (server->confirmed || server->dead) --unsettled_;
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
  ServerInfo* const server = FindMutable(id);
  if (server == nullptr) return;
  SetDisks(registration.disks(), server);
  server->version = registration.version();
  server->registered = true;
  ++server->session;
  server->connected = true;
  server->displaced = false;
  server->comparing = true;
  Settle(server, false, false);
  server->last_heard = now;
  for (const ServerId other : OnNode(server->row.node())) {
    ServerInfo* const neighbour = FindMutable(other);
    if (other == id || neighbour->row.address() != server->row.address()) continue;
    neighbour->displaced = true;
  }
}

void ServerRegistry::Compared(ServerId id) {
  if (ServerInfo* const server = FindMutable(id)) server->comparing = false;
}

void ServerRegistry::Confirm(ServerId id) {
  ServerInfo* const server = FindMutable(id);
  if (server == nullptr) return;
  server->comparing = false;
  Settle(server, true, server->dead);
}

void ServerRegistry::Heartbeat(ServerId id, const pb::ServerMessage::Heartbeat& heartbeat,
                               absl::Time now) {
  ServerInfo* const server = FindMutable(id);
  if (server == nullptr) return;
  SetDisks(heartbeat.disks(), server);
  server->open_streams = heartbeat.open_streams();
  server->last_heard = now;
}

void ServerRegistry::Heard(ServerId id, absl::Time now) {
  if (ServerInfo* const server = FindMutable(id)) server->last_heard = now;
}

void ServerRegistry::Disconnect(ServerId id) {
  if (ServerInfo* const server = FindMutable(id)) server->connected = false;
}

absl::Time ServerRegistry::DeathOf(const ServerInfo& server) const {
  if (server.dead) return absl::InfiniteFuture();
  if (server.displaced && !server.connected) return absl::InfinitePast();
  if (!server.registered) return term_began_ + options_.awaited_for;
  return server.last_heard + options_.dead_after;
}

std::vector<ServerId> ServerRegistry::TakeDead(absl::Time now) {
  std::vector<ServerId> dead;
  for (auto& [id, server] : servers_) {
    if (now < DeathOf(server)) continue;
    Settle(&server, false, true);
    dead.push_back(id);
  }
  return dead;
}

absl::Time ServerRegistry::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [id, server] : servers_) next = std::min(next, DeathOf(server));
  return next;
}

const ServerInfo* ServerRegistry::Find(ServerId id) const {
  return id.value() < by_id_.size() ? by_id_[id.value()] : nullptr;
}

ServerHealth ServerRegistry::Health(const ServerInfo& server, absl::Time now) const {
  if (server.dead) return ServerHealth::kDead;
  if (!server.registered) return ServerHealth::kAwaited;
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

}  // namespace quern::master
