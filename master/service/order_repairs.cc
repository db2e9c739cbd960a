#include <algorithm>
#include <utility>
#include <vector>

#include "common/log.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kLongestRepairNap = absl::Seconds(5);

pb::Order CopyOrder(const RepairPlanner::Copy& copy, const ServerRegistry& servers) {
  pb::Order order;
  pb::Order::Copy* body = order.mutable_copy();
  body->set_chunk_id(copy.chunk.value());
  body->set_length(copy.length);
  body->set_crc(copy.crc);
  for (const ServerId source : copy.sources) {
    const ServerInfo* info = servers.Find(source);
    if (info != nullptr) *body->add_sources() = info->Address();
  }
  return order;
}

void OnCopyEnded(Master* master, const RepairPlanner::Copy& copy,
                 const absl::StatusOr<OrderDispatcher::Result>& result) {
  const absl::Status status = OrderStatus(result);
  if (!status.ok()) {
    LogWarning("copy_failed", {{"chunk", copy.chunk}, {"target", copy.target}, {"status", status}});
  }
  ClusterState& state = master->state();
  const absl::Time now = master->clock().MonotonicNow();
  MutexLock lock(&state.mutex);
  state.repair.Ended(copy.chunk, copy.target, Message(status), now);
  state.Reassess(copy.chunk, now);
  state.Changed();
}

}  // namespace

absl::Duration OrderRepairs(Master* master) {
  ClusterState& state = master->state();
  std::vector<std::pair<RepairPlanner::Copy, pb::Order>> copies;
  const absl::Time now = master->clock().MonotonicNow();
  absl::Time next;
  {
    MutexLock lock(&state.mutex);
    RepairPlanner::Plan plan =
        state.repair.Next(state.chunks, state.servers, &state.placement, now, state.random);
    for (const RepairPlanner::Copy& copy : plan.copies) {
      copies.emplace_back(copy, CopyOrder(copy, state.servers));
    }
    for (const auto& [chunk, server] : plan.removals) state.garbage.Remove(chunk, server);
    if (!plan.removals.empty()) state.Changed();
    next = state.repair.NextDeadline();
  }
  for (auto& [copy, order] : copies) {
    LogInfo("copy_ordered", {{"chunk", copy.chunk},
                             {"target", copy.target},
                             {"source", copy.sources.front()},
                             {"bytes", copy.length}});
    master->orders().Send(copy.target, std::move(order), [master, copy = copy](const auto& result) {
      OnCopyEnded(master, copy, result);
    });
  }
  return std::clamp(next - now, absl::Milliseconds(1), kLongestRepairNap);
}

}  // namespace quern::master
