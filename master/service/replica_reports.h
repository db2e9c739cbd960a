// Takes in what chunkservers say about their replicas, and acts on it: confirms, finalizes, seals,
// deletes, or puts aside.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/ids.h"
#include "master/logic/replica_verdict.h"
#include "master/service/cluster_state.h"
#include "master/service/order_dispatcher.h"

namespace quern::master {

// Thread-safe; reports of one server must come in their order.
class ReplicaReports {
 public:
  // Asks for a forced seal in the background, not before the delay has passed; for a chunk that is
  // sealed, that its replicas are told again.
  using SealLater = std::function<void(ChunkId chunk, absl::Duration delay, std::string_view why)>;

  // `on_conflict` is called when a report shows that this master is an old one (Standing).
  ReplicaReports(ClusterState* state, OrderDispatcher* orders, Clock* clock, SealLater seal_later,
                 std::function<void()> on_conflict)
      : state_(*state),
        orders_(*orders),
        clock_(*clock),
        seal_later_(std::move(seal_later)),
        on_conflict_(std::move(on_conflict)) {}

  // Changes, told by a heartbeat: also what an order changed, before the order's result. The result
  // itself is no report, because it may be older than a change that was told before it.
  void OnDeltas(ServerId server, const std::vector<pb::ReplicaReport>& reports);

  // A session begins with these digests: replicas in equal buckets are confirmed, others become
  // hints. Returns the buckets to list; when there are none the server is confirmed. Seals that
  // were waiting for this server go on.
  std::vector<uint32_t> OnDigests(ServerId server, std::span<const uint64_t> digests);
  // The whole listing of `buckets`: hints that are not in it are lost. The server is confirmed.
  void OnInventory(ServerId server, std::span<const uint32_t> buckets,
                   const std::vector<pb::ReplicaReport>& replicas);
  // The listing of buckets that were found to differ while the session went on. `doubted` are the
  // chunks in them that the table had on this server when the listing was asked for: those that are
  // not in it are lost.
  void OnListing(ServerId server, std::span<const ChunkId> doubted,
                 const std::vector<pb::ReplicaReport>& replicas);

 private:
  enum class Source { kDelta, kInventory };
  // What to do once the lock is released.
  struct Actions {
    std::vector<std::pair<ServerId, pb::Order>> orders;
    std::vector<std::pair<ChunkId, absl::Duration>> seals;
    bool conflict = false;
  };
  void TakeIn(ServerId server, const pb::ReplicaReport& report, Source source, absl::Time now,
              Actions* actions) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  static void ResumeSeal(const ChunkInfo& chunk, const Replica& replica, Actions* actions);
  // False: the server knows a chunk that this master cannot know of.
  bool CheckStanding(ServerId server, const pb::ReplicaReport& report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  void BecomeHints(ServerId server, const std::vector<bool>& differing);
  void Settle(ServerId server, ChunkInfo chunk, bool confirmed, absl::Time now, Actions* actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  void TakeInAll(ServerId server, const std::vector<pb::ReplicaReport>& replicas, Source source);
  // The server does not have the replica. `lost` counts.
  void Lose(ServerId server, const ChunkInfo& chunk, size_t* lost, Actions* actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  // Hints in the listed buckets that the listing did not confirm are lost.
  void LoseUnlisted(ServerId server, const std::vector<bool>& listed);
  void ConfirmServer(ServerId server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex);
  void Act(Actions actions);

  ClusterState& state_;
  OrderDispatcher& orders_;
  Clock& clock_;
  const SealLater seal_later_;
  const std::function<void()> on_conflict_;
};

// Orders about a sealed chunk.
pb::Order FinalizeOrder(const ChunkInfo& chunk);
// Its result is a failure that may pass, and nothing else will bring the order again.
bool TryFinalizeAgain(const absl::StatusOr<OrderDispatcher::Result>& result);

}  // namespace quern::master
