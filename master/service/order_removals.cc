#include <algorithm>
#include <utility>
#include <vector>

#include "common/log.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kLongestRemovalNap = absl::Seconds(5);

void OnRemovalEnded(Master* master, const GarbagePlanner::Removal& removal,
                    const absl::StatusOr<OrderDispatcher::Result>& result) {
  const absl::Status status = OrderStatus(result);
  using Outcome = GarbagePlanner::Outcome;
  const bool removed = status.ok() || absl::IsNotFound(status);
  Outcome outcome = removed ? Outcome::kRemoved : Outcome::kRefused;
  if (!result.ok()) outcome = Outcome::kUnknown;  // the session broke
  if (!removed) {
    LogWarning("removal_failed",
               {{"chunk", removal.chunk}, {"server", removal.server}, {"status", status}});
  }
  ClusterState& state = master->state();
  const absl::Time now = master->clock().MonotonicNow();
  MutexLock lock(&state.mutex);
  state.garbage.Ended(removal, outcome, now);
  if (removed) {
    state.chunks.RemoveReplica(removal.chunk, removal.server);
    state.repair.RoomCame();
  }
  state.ReplicasChanged(removal.chunk, now);
  state.Changed();
}

void ForgetGarbage(Master* master, const std::vector<ChunkId>& finished) {
  if (finished.empty()) return;
  pb::LogRecord record;
  for (const ChunkId chunk : finished)
    record.mutable_forget_garbage()->add_chunk_ids(chunk.value());
  const absl::Status status = master->committer().Commit(
      [&](const MetadataView&) -> absl::StatusOr<std::optional<pb::LogRecord>> { return record; });
  if (!status.ok()) LogWarning("forget_garbage_failed", {{"status", status}});
}

}  // namespace

absl::Duration OrderRemovals(Master* master) {
  ClusterState& state = master->state();
  std::vector<GarbagePlanner::Removal> removals;
  std::vector<ChunkId> finished;
  const absl::Time now = master->clock().MonotonicNow();
  absl::Time next;
  {
    MutexLock lock(&state.mutex);
    removals = state.garbage.Next(state.chunks, state.servers, now);
    finished = state.garbage.TakeFinished(state.servers);
    next = state.garbage.has_more_finished() ? now : state.garbage.NextDeadline();
  }
  for (const GarbagePlanner::Removal& removal : removals) {
    pb::Order order;
    order.mutable_delete_()->set_chunk_id(removal.chunk.value());
    master->orders().Send(removal.server, std::move(order), [master, removal](const auto& result) {
      OnRemovalEnded(master, removal, result);
    });
  }
  ForgetGarbage(master, finished);
  return std::clamp(next - now, absl::Milliseconds(1), kLongestRemovalNap);
}

}  // namespace quern::master
