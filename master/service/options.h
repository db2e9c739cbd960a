// Everything that can be set about a master, with the defaults that users get.
#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "common/server_silence.h"
#include "master/logic/bad_replica_reports.h"
#include "master/logic/chunk_placement.h"
#include "master/logic/file_lifecycle.h"
#include "master/logic/garbage_planner.h"
#include "master/logic/inventory_check.h"
#include "master/logic/repair_planner.h"
#include "master/logic/server_registry.h"

namespace quern::master {

struct MasterOptions {
  // Replication and chunk size of files that do not say.
  FileDefaults file_defaults;
  // A chunk is only written, and a file only closed, with at least this many copies; fewer when the
  // file wants fewer or the cluster has a single server.
  uint32_t min_write_replicas = 2;

  ServerRegistry::Options servers;
  ChunkPlacement::Options placement;
  RepairPlanner::Options repair;
  GarbagePlanner::Options garbage;
  BadReplicaReports::Options bad_replicas;
  InventoryCheck::Options inventory_check;

  // Memory for rows that are read often: names and inodes of directories in use stay in it.
  uint64_t metadata_cache_bytes = uint64_t{1} << 30;

  absl::Duration heartbeat = absl::Seconds(1);
  // After a start no orders are given before half of the known chunkservers have come, for so long
  // at most (OrderDispatcher::HoldUntil).
  absl::Duration orders_wait = absl::Seconds(20);
  // A chunkserver has this long to make an empty replica, or to latch one.
  absl::Duration order_timeout = absl::Seconds(5);
  // A forced seal waits this long for further answers after the first.
  absl::Duration fence_patience = absl::Milliseconds(200);
  // Between two tries of a seal that nobody waits for, or to finalize a replica that could not be.
  absl::Duration seal_pause = absl::Seconds(30);
  // A client that waits for durable copies has this long patience with replicas that have been told
  // to become durable; then others are made.
  absl::Duration finalize_patience = absl::Seconds(2);
  // A file whose writer was not heard of for so long is given up.
  absl::Duration writer_timeout = kDefaultWriterTimeout;
};

// Copies that a file with this replication needs at least, in a cluster of `known_servers`.
inline uint32_t MinWriteReplicas(const MasterOptions& options, uint32_t replication,
                                 size_t known_servers) {
  const uint32_t wanted = std::min(options.min_write_replicas, replication);
  return known_servers <= 1 ? std::min(wanted, 1u) : wanted;
}

}  // namespace quern::master
