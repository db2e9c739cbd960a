#include "master/service/replica_reports.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "common/log.h"

namespace quern::master {
namespace {

// A primary latches its replica before it reports a clean seal: give that report time to arrive
// before the latch is taken for trouble.
constexpr absl::Duration kFencedPatience = absl::Seconds(2);
// Between two orders to finalize a replica whose disk is in trouble.
constexpr absl::Duration kFinalizePause = absl::Seconds(30);
// A server that comes without a disk loses a hundred thousand at once.
constexpr size_t kNamedLosses = 10;

}  // namespace

pb::Order FinalizeOrder(const ChunkInfo& chunk) {
  pb::Order order;
  order.mutable_finalize()->set_chunk_id(chunk.id.value());
  order.mutable_finalize()->set_length(chunk.length);
  order.mutable_finalize()->set_crc(chunk.crc);
  return order;
}

bool TryFinalizeAgain(const absl::StatusOr<OrderDispatcher::Result>& result) {
  // Without an answer its session is over, and the next one begins with this order.
  return result.ok() && !OrderStatus(result).ok() && !absl::IsNotFound(OrderStatus(result));
}

bool ReplicaReports::CheckStanding(ServerId server, const pb::ReplicaReport& report) {
  if (report.state() == pb::REPLICA_STATE_REMOVED) return true;
  const ServerInfo* info = state_.servers.Find(server);
  const std::string_view address = info == nullptr ? std::string_view() : info->row.address();
  return state_.standing.CheckReplica(address, ChunkId(report.chunk_id())).ok();
}

void ReplicaReports::TakeIn(ServerId server, const pb::ReplicaReport& report, Source source,
                            absl::Time now, Actions* actions) {
  const ChunkId id(report.chunk_id());
  if (!CheckStanding(server, report)) {
    actions->conflict = true;
    return;
  }
  ReplicaContext context;
  context.chunk = state_.chunks.Find(id);
  context.garbage = state_.garbage.IsGarbage(id);
  if (const auto found = state_.allocating.find(id); found != state_.allocating.end()) {
    context.allocating = true;
    if (report.state() == pb::REPLICA_STATE_REMOVED) found->second.gone.push_back(server);
  }
  const auto note = [&](pb::ReplicaState as) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
    const Replica* const before = context.chunk->Find(server);
    state_.chunks.SetReplica(id, {server, as, true});
    if (before != nullptr && before->state == as) return state_.Reassess(id, now);
    state_.ReplicasChanged(id, now);
  };
  switch (JudgeReplica(server, report, context)) {
    case ReplicaVerdict::kIgnore:
      return;
    case ReplicaVerdict::kKeep:
      return note(report.state());
    case ReplicaVerdict::kFinalize:
      note(report.state());
      actions->orders.emplace_back(server, FinalizeOrder(*context.chunk));
      return;
    case ReplicaVerdict::kReclaim:
      actions->orders.emplace_back(server, FinalizeOrder(*context.chunk));
      return;
    case ReplicaVerdict::kForceSeal:
      note(report.state());
      actions->seals.emplace_back(
          id, source == Source::kDelta ? kFencedPatience : absl::ZeroDuration());
      return;
    case ReplicaVerdict::kDispute:
      LogWarning("disputed_replica", {{"chunk", id},
                                      {"server", server},
                                      {"state", pb::ReplicaState_Name(report.state())},
                                      {"length", report.length()},
                                      {"sealed_length", context.chunk->length}});
      // What fits is not removed as a bad one before it has been FINALIZED.
      note(report.state() == pb::REPLICA_STATE_STALE ? pb::REPLICA_STATE_FENCED
                                                     : pb::REPLICA_STATE_STALE);
      actions->orders.emplace_back(server, FinalizeOrder(*context.chunk));
      return;
    case ReplicaVerdict::kBad:
      LogWarning("bad_replica", {{"chunk", id},
                                 {"server", server},
                                 {"state", pb::ReplicaState_Name(report.state())},
                                 {"length", report.length()},
                                 {"sealed_length", context.chunk->length}});
      return note(report.state() == pb::REPLICA_STATE_CORRUPT ? pb::REPLICA_STATE_CORRUPT
                                                              : pb::REPLICA_STATE_STALE);
    case ReplicaVerdict::kForget:
      if (context.chunk->state != pb::CHUNK_STATE_SEALED &&
          context.chunk->Find(server) != nullptr) {
        actions->seals.emplace_back(id, absl::ZeroDuration());
      }
      state_.chunks.RemoveReplica(id, server);
      state_.ReplicasChanged(id, now);
      return;
    case ReplicaVerdict::kDelete:
      if (context.garbage) {
        state_.garbage.Found(id, server);
      } else {
        LogInfo("quarantine_ends", {{"chunk", id}, {"server", server}});
        state_.garbage.AddGarbage(id, {{server}});
      }
      return;
    case ReplicaVerdict::kQuarantine: {
      LogWarning("unknown_replica",
                 {{"chunk", id}, {"server", server}, {"length", report.length()}});
      pb::Order order;
      order.mutable_quarantine()->set_chunk_id(id.value());
      actions->orders.emplace_back(server, std::move(order));
      return;
    }
  }
}

void ReplicaReports::Act(Actions actions) {
  if (actions.conflict) on_conflict_();
  absl::flat_hash_map<ServerId, std::vector<OrderDispatcher::Item>> orders;
  for (auto& [server, order] : actions.orders) {
    OrderDispatcher::Item& item = orders[server].emplace_back();
    item.order = std::move(order);
    if (!item.order.has_finalize()) continue;
    item.done = [this, chunk = ChunkId(item.order.finalize().chunk_id())](const auto& result) {
      if (!TryFinalizeAgain(result)) return;
      seal_later_(chunk, kFinalizePause, "a replica could not be finalized");
    };
  }
  for (auto& [server, items] : orders) orders_.SendAll(server, std::move(items));
  for (const auto& [chunk, delay] : actions.seals) {
    seal_later_(chunk, delay, "a replica cannot grow any more");
  }
}

void ReplicaReports::OnDeltas(ServerId server, const std::vector<pb::ReplicaReport>& reports) {
  if (reports.empty()) return;
  TakeInAll(server, reports, Source::kDelta);
  MutexLock lock(&state_.mutex);
  state_.Changed();
}

void ReplicaReports::ConfirmServer(ServerId server) {
  state_.servers.Confirm(server);
  state_.garbage.ServerReady(server);
  state_.repair.RoomCame();
  state_.Changed();
}

// A seal may have been begun or decided while the server could not be told.
void ReplicaReports::ResumeSeal(const ChunkInfo& chunk, const Replica& replica, Actions* actions) {
  if (chunk.state == pb::CHUNK_STATE_SEALING) {
    actions->seals.emplace_back(chunk.id, absl::ZeroDuration());
  } else if (chunk.state == pb::CHUNK_STATE_SEALED && (replica.state == pb::REPLICA_STATE_OPEN ||
                                                       replica.state == pb::REPLICA_STATE_FENCED)) {
    actions->orders.emplace_back(replica.server, FinalizeOrder(chunk));
  }
}

void ReplicaReports::BecomeHints(ServerId server, const std::vector<bool>& differing) {
  state_.ForEachOnServer(server,
                         [&](const ChunkInfo& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
                           if (!differing[InventoryBucket(chunk.id)]) return;
                           Replica replica = *chunk.Find(server);
                           replica.confirmed = false;
                           state_.chunks.SetReplica(chunk.id, replica);
                         });
}

// The replica's confirmation has been settled: plans what follows from it.
void ReplicaReports::Settle(ServerId server, ChunkInfo chunk, bool confirmed, absl::Time now,
                            Actions* actions) {
  for (Replica& replica : chunk.replicas) {
    if (replica.server != server) continue;
    if (confirmed && !replica.confirmed) {
      replica.confirmed = true;
      state_.chunks.SetReplica(chunk.id, replica);
    }
    ResumeSeal(chunk, replica, actions);
  }
  state_.Reassess(chunk, now);
}

std::vector<uint32_t> ReplicaReports::OnDigests(ServerId server,
                                                std::span<const uint64_t> digests) {
  std::vector<uint32_t> buckets;
  std::vector<bool> differing(kInventoryBuckets);
  {
    MutexLock lock(&state_.mutex);
    const InventoryDigests expected = state_.chunks.Digests(server);
    for (uint32_t bucket = 0; bucket < kInventoryBuckets; ++bucket) {
      differing[bucket] = bucket >= digests.size() || digests[bucket] != expected[bucket];
      if (differing[bucket]) buckets.push_back(bucket);
    }
  }
  // Until this is done, no replica of the server counts.
  if (!buckets.empty()) BecomeHints(server, differing);
  {
    MutexLock lock(&state_.mutex);
    state_.servers.Compared(server);
  }
  const absl::Time now = clock_.MonotonicNow();
  Actions actions;
  state_.ForEachOnServer(
      server,
      [&](const ChunkInfo& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
        Settle(server, chunk, !differing[InventoryBucket(chunk.id)], now, &actions);
      },
      [&] { Act(std::exchange(actions, {})); });
  if (buckets.empty()) {
    MutexLock lock(&state_.mutex);
    ConfirmServer(server);
  }
  return buckets;
}

void ReplicaReports::Lose(ServerId server, const ChunkInfo& chunk, size_t* lost, Actions* actions) {
  if (++*lost <= kNamedLosses) {
    LogWarning("replica_lost", {{"chunk", chunk.id}, {"server", server}});
  }
  state_.chunks.RemoveReplica(chunk.id, server);
  state_.ReplicasChanged(chunk.id, clock_.MonotonicNow());
  if (chunk.state != pb::CHUNK_STATE_SEALED) {
    actions->seals.emplace_back(chunk.id, absl::ZeroDuration());
  }
}

void ReplicaReports::LoseUnlisted(ServerId server, const std::vector<bool>& listed) {
  size_t lost = 0;
  Actions actions;
  state_.ForEachOnServer(
      server,
      [&](const ChunkInfo& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_.mutex) {
        // What was confirmed since the session began is newer than the listing.
        if (!listed[InventoryBucket(chunk.id)] || chunk.Find(server)->confirmed) return;
        Lose(server, chunk, &lost, &actions);
      },
      [&] { Act(std::exchange(actions, {})); });
  if (lost > 0) LogWarning("replicas_lost", {{"server", server}, {"count", lost}});
}

void ReplicaReports::TakeInAll(ServerId server, const std::vector<pb::ReplicaReport>& replicas,
                               Source source) {
  const absl::Time now = clock_.MonotonicNow();
  for (size_t begin = 0; begin < replicas.size(); begin += ClusterState::kSlice) {
    Actions actions;
    {
      MutexLock lock(&state_.mutex);
      const size_t end = std::min(begin + ClusterState::kSlice, replicas.size());
      for (size_t i = begin; i < end; ++i) {
        TakeIn(server, replicas[i], source, now, &actions);
      }
    }
    Act(std::move(actions));
    if (begin + ClusterState::kSlice < replicas.size()) GiveWay();
  }
}

void ReplicaReports::OnInventory(ServerId server, std::span<const uint32_t> buckets,
                                 const std::vector<pb::ReplicaReport>& replicas) {
  TakeInAll(server, replicas, Source::kInventory);
  std::vector<bool> listed(kInventoryBuckets);
  for (const uint32_t bucket : buckets) {
    if (bucket < kInventoryBuckets) listed[bucket] = true;
  }
  LoseUnlisted(server, listed);
  MutexLock lock(&state_.mutex);
  ConfirmServer(server);
}

void ReplicaReports::OnListing(ServerId server, std::span<const ChunkId> doubted,
                               const std::vector<pb::ReplicaReport>& replicas) {
  // What is latched may be about to be sealed in peace.
  TakeInAll(server, replicas, Source::kDelta);
  absl::flat_hash_set<ChunkId> listed;
  for (const pb::ReplicaReport& report : replicas) listed.insert(ChunkId(report.chunk_id()));
  size_t lost = 0;
  Actions actions;
  {
    MutexLock lock(&state_.mutex);
    for (const ChunkId id : doubted) {
      if (listed.contains(id)) continue;
      const std::optional<ChunkInfo> chunk = state_.chunks.Find(id);
      if (chunk.has_value() && chunk->Find(server) != nullptr) {
        Lose(server, *chunk, &lost, &actions);
      }
    }
    state_.Changed();
  }
  Act(std::move(actions));
}

}  // namespace quern::master
