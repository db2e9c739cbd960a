// A running master without its network: the durable state, the picture of the cluster, and the
// threads that keep both in order. RPC handlers, sessions and pages work on this.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/clock.h"
#include "common/status.h"
#include "master/logic/tree_collector.h"
#include "master/service/background_task.h"
#include "master/service/chunk_allocator.h"
#include "master/service/chunk_sealer.h"
#include "master/service/cluster_state.h"
#include "master/service/committer.h"
#include "master/service/copy_waiters.h"
#include "master/service/options.h"
#include "master/service/order_dispatcher.h"
#include "master/service/replica_reports.h"
#include "master/service/writer_table.h"
#include "master/store/metadata_store.h"

namespace quern::master {

class Master {
 public:
  // Formats an empty store, begins a new term, loads what is kept in memory, starts the background
  // tasks. The store and the clock must outlive it.
  static absl::StatusOr<std::unique_ptr<Master>> Start(const MasterOptions& options,
                                                       MetadataStore* store, Clock* clock);
  ~Master();

  const MasterOptions& options() const { return options_; }
  const std::string& cluster_id() const { return cluster_id_; }
  // Of the present start.
  uint64_t term() { return start().term; }
  MasterStart start();
  Clock& clock() { return clock_; }
  const MetadataStore& store() const { return store_; }
  Committer& committer() { return *committer_; }
  ClusterState& state() { return state_; }
  OrderDispatcher& orders() { return *orders_; }
  absl::Time orders_wait_until() const { return orders_wait_until_; }
  ReplicaReports& reports() { return *reports_; }
  ChunkSealer& sealer() { return *sealer_; }
  ChunkAllocator& allocator() { return *allocator_; }
  WriterTable& writers() { return writers_; }
  CopyWaiters& copy_waiters() { return *copy_waiters_; }
  // Of CollectDeletedTrees alone.
  TreeCollector& trees() { return trees_; }
  // A chunkserver knows more than this master, or does not any more: gives no orders and changes
  // nothing while one does.
  void FollowStanding();
  // Goes on without what the conflicting chunkservers know (Standing::Adopt).
  absl::Status AdoptHistory();
  // Where the pages are; set once, before anybody asks.
  const std::string& http_address() const { return http_address_; }
  void set_http_address(std::string address) { http_address_ = std::move(address); }
  // Milliseconds since 1970, for mtimes.
  int64_t NowMs() { return absl::ToUnixMillis(clock_.TimeNow()); }

 private:
  Master(const MasterOptions& options, const MetadataStore* store, Clock* clock)
      : options_(options),
        store_(*store),
        clock_(*clock),
        state_(options_, clock->MonotonicNow()) {}
  absl::Status BeginTerm();
  OrderDispatcher::Stamp OrderStamp();
  absl::Status LoadState();
  void HoldOrders();
  void StartTasks();

  const MasterOptions options_;
  const MetadataStore& store_;
  Clock& clock_;
  std::string cluster_id_;
  std::string http_address_;
  // One at a time: what is told to the parts is the newest.
  Mutex standing_mutex_;
  bool halted_ ABSL_GUARDED_BY(standing_mutex_) = false;
  ClusterState state_;
  WriterTable writers_;
  TreeCollector trees_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<OrderDispatcher> orders_;
  absl::Time orders_wait_until_;
  std::unique_ptr<ChunkSealer> sealer_;
  std::unique_ptr<ReplicaReports> reports_;
  std::unique_ptr<ChunkAllocator> allocator_;
  std::unique_ptr<CopyWaiters> copy_waiters_;
  std::unique_ptr<BackgroundTask> liveness_;
  std::unique_ptr<BackgroundTask> repair_;
  std::unique_ptr<BackgroundTask> garbage_;
  std::unique_ptr<BackgroundTask> collector_;
  std::unique_ptr<BackgroundTask> writer_sweep_;
  std::unique_ptr<BackgroundTask> hints_;
  std::unique_ptr<BackgroundTask> disk_room_;
};

// The work of the background tasks, one file each. Each does what there is to do now and says for
// how long there will be nothing.

// Declares servers dead; seals what they were writing, re-plans what they held.
absl::Duration DeclareDeadServers(Master* master);
// Orders the copies that RepairPlanner wants.
absl::Duration OrderRepairs(Master* master);
// Orders the removals that GarbagePlanner wants, and forgets finished garbage.
absl::Duration OrderRemovals(Master* master);
// Takes deleted trees apart.
absl::Duration CollectDeletedTrees(Master* master);
// Gives up files whose writer has been silent for too long.
absl::Duration GiveUpSilentWriters(Master* master);
// Takes nothing new while the master's own disk is nearly full.
absl::Duration WatchDiskRoom(Master* master);
// Writes down which replicas of sealed chunks are confirmed, as hints for the next start.
absl::Duration WriteReplicaHints(Master* master);

}  // namespace quern::master
