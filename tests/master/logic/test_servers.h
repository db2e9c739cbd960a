// A registry with servers in the states that a test wants.
#pragma once

#include <string>

#include "master/logic/server_registry.h"

namespace quern::master {

inline constexpr auto kFinalized = pb::REPLICA_STATE_FINALIZED;

struct TestServer {
  uint32_t id = 1;
  std::string node = "";  // empty: a machine of its own
  std::string rack = "/r";
  uint64_t free_bytes = uint64_t{100} << 30;
  uint64_t capacity_bytes = uint64_t{200} << 30;
};

class TestServers {
 public:
  absl::Time now = absl::UnixEpoch() + absl::Hours(1);
  ServerRegistry registry{ServerRegistry::Options{}, now};

  // Alive, its inventory confirmed.
  void Add(const TestServer& server) {
    AddAwaited(server);
    pb::ServerMessage::Register registration;
    pb::DiskReport* disk = registration.add_disks();
    disk->set_capacity_bytes(server.capacity_bytes);
    disk->set_free_bytes(server.free_bytes);
    registry.Admit(ServerId(server.id), registration, now);
    registry.Confirm(ServerId(server.id));
  }
  // Known from the log only.
  void AddAwaited(const TestServer& server) {
    pb::ServerRow row;
    row.set_uuid("uuid" + std::to_string(server.id));
    row.set_node(server.node.empty() ? "n" + std::to_string(server.id) : server.node);
    row.set_rack(server.rack);
    row.set_address("host:" + std::to_string(server.id));
    registry.Load(ServerId(server.id), row);
  }
  void AddMany(uint32_t count, uint32_t racks = 1) {
    for (uint32_t id = 1; id <= count; ++id) {
      Add({.id = id, .rack = "/r" + std::to_string(id % racks)});
    }
  }
  void Heartbeat(uint32_t id) {
    pb::ServerMessage::Heartbeat heartbeat;
    for (const pb::DiskReport& disk : registry.Find(ServerId(id))->disks) {
      *heartbeat.add_disks() = disk;
    }
    registry.Heartbeat(ServerId(id), heartbeat, now);
  }
  // Its process has died and it has been noticed.
  void Kill(uint32_t id) {
    registry.Disconnect(ServerId(id));
    const absl::Time died = now;
    now += absl::Seconds(20);
    for (const auto& [other, server] : registry.servers()) {
      if (other != ServerId(id) && server.connected) Heartbeat(other.value());
    }
    registry.TakeDead(died + absl::Seconds(20));
  }
};

}  // namespace quern::master
