#include "common/log.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

// The replica's new state, if it has one, was told by a delta before.
void OnVerified(Master* master, ChunkId chunk, ServerId server,
                const absl::StatusOr<OrderDispatcher::Result>& result) {
  const absl::Status status = OrderStatus(result);
  const bool good = status.ok() && result->replica().state() == pb::REPLICA_STATE_FINALIZED;
  LogInfo("replica_verified",
          {{"chunk", chunk}, {"server", server}, {"good", good}, {"status", status}});
  ClusterState& state = master->state();
  MutexLock lock(&state.mutex);
  state.bad_replicas.Ended(chunk, server, good, master->clock().MonotonicNow());
}

}  // namespace

Reply<pb::ReportBadReplicaResponse> ReportBadReplica(Master& master,
                                                     const pb::ReportBadReplicaRequest& request,
                                                     const CallContext& call) {
  const ChunkId chunk(request.chunk_id());
  const ServerId server(request.server_id());
  ClusterState& state = master.state();
  {
    MutexLock lock(&state.mutex);
    const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
    const Replica* replica = info.has_value() ? info->Find(server) : nullptr;
    if (replica == nullptr) return NotFoundError("chunk {}: has no replica on {}", chunk, server);
    const bool in_doubt =
        info->state == pb::CHUNK_STATE_SEALED && replica->state == pb::REPLICA_STATE_FINALIZED;
    if (!in_doubt ||
        !state.bad_replicas.Begin(call.peer, chunk, server, master.clock().MonotonicNow())) {
      return pb::ReportBadReplicaResponse();
    }
  }
  LogWarning("bad_replica_reported", {{"chunk", chunk},
                                      {"server", server},
                                      {"reporter", call.peer},
                                      {"reason", request.reason()}});
  pb::Order order;
  order.mutable_verify()->set_chunk_id(chunk.value());
  master.orders().Send(server, std::move(order), [&master, chunk, server](const auto& result) {
    OnVerified(&master, chunk, server, result);
  });
  return pb::ReportBadReplicaResponse();
}

}  // namespace quern::master
