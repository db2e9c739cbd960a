// The master's picture of its cluster, in memory, behind one lock: servers, chunks and their
// replicas, and what is planned for them.
//
// The logged part follows the records that the Committer applies; the rest is what chunkservers
// have reported in this term. Nothing waits for a disk or another machine while it holds the lock,
// and nothing walks over more than a slice of chunks.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/time/time.h>

#include <functional>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "common/random.h"
#include "master/logic/bad_replica_reports.h"
#include "master/logic/chunk_placement.h"
#include "master/logic/chunk_table.h"
#include "master/logic/garbage_planner.h"
#include "master/logic/metadata_view.h"
#include "master/logic/repair_planner.h"
#include "master/logic/server_registry.h"
#include "master/logic/standing.h"
#include "master/service/options.h"

namespace quern::master {

struct ClusterState {
  ClusterState(const MasterOptions& options, absl::Time now)
      : servers(options.servers, now),
        placement(options.placement),
        repair(options.repair, now),
        garbage(options.garbage),
        bad_replicas(options.bad_replicas),
        random(SeededRandom()) {}

  // Fills an empty state from the durable rows.
  void Load(const MetadataView& view);
  // A record has become durable.
  void Apply(const pb::LogRecord& record, absl::Time now);
  // Something about the chunk or its servers has changed: plans what follows from it.
  void Reassess(ChunkId chunk, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Reassess(const ChunkInfo& chunk, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // The same, and its good replicas may be others than the log has as hints.
  void ReplicasChanged(ChunkId chunk, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // A walk over the chunks of one server. It holds the lock for at most kSlice chunks and lets
  // others have it in between, so that a server with millions of chunks may come or go while
  // requests are answered. `visit` sees each chunk as it then is; `end_slice` follows each slice,
  // without the lock.
  static constexpr size_t kSlice = 2000;
  void ForEachOnServer(ServerId server, const std::function<void(const ChunkInfo&)>& visit,
                       const std::function<void()>& end_slice = nullptr) ABSL_LOCKS_EXCLUDED(mutex);
  void ReassessServer(ServerId server, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex);
  // A chunk whose replicas have been made is in the log.
  void Open(const pb::AddChunk& add) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Something has happened that background tasks may be waiting for.
  void Changed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  Mutex mutex;
  // Called by Changed; wakes the background tasks. Set once, before anything happens.
  std::function<void()> on_change;
  Standing standing ABSL_GUARDED_BY(mutex);
  ServerRegistry servers ABSL_GUARDED_BY(mutex);
  ChunkTable chunks ABSL_GUARDED_BY(mutex);
  ChunkPlacement placement ABSL_GUARDED_BY(mutex);
  RepairPlanner repair ABSL_GUARDED_BY(mutex);
  GarbagePlanner garbage ABSL_GUARDED_BY(mutex);
  BadReplicaReports bad_replicas ABSL_GUARDED_BY(mutex);
  Random random ABSL_GUARDED_BY(mutex);
  // Chunks whose Create orders are under way and which the log does not have yet.
  struct Allocation {
    // Each server and the session in which it was given its order.
    std::vector<std::pair<ServerId, uint64_t>> made_in;
    // Servers that have said since that they do not have the replica any more.
    std::vector<ServerId> gone;
  };
  absl::flat_hash_map<ChunkId, Allocation> allocating ABSL_GUARDED_BY(mutex);
  // Sealed chunks whose confirmed replicas may differ from the hints on disk.
  absl::flat_hash_set<ChunkId> hints_to_write ABSL_GUARDED_BY(mutex);
};

}  // namespace quern::master
