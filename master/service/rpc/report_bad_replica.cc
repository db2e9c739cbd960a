#include "common/log.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {

// Anybody may report, so the report alone takes away no bytes: the replica is read by nobody and
// replaced, and removed only when enough others are confirmed good.
Reply<pb::ReportBadReplicaResponse> ReportBadReplica(Master& master,
                                                     const pb::ReportBadReplicaRequest& request,
                                                     const CallContext&) {
  const ChunkId chunk(request.chunk_id());
  const ServerId server(request.server_id());
  LogWarning("bad_replica_reported",
             {{"chunk", chunk}, {"server", server}, {"reason", request.reason()}});
  ClusterState& state = master.state();
  MutexLock lock(&state.mutex);
  const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
  if (!info.has_value() || info->Find(server) == nullptr) {
    return NotFoundError("chunk {}: has no replica on {}", chunk, server);
  }
  if (info->state != pb::CHUNK_STATE_SEALED) return pb::ReportBadReplicaResponse();
  state.chunks.SetReplica(chunk, {server, pb::REPLICA_STATE_CORRUPT, true});
  state.Reassess(chunk, master.clock().MonotonicNow());
  state.Changed();
  return pb::ReportBadReplicaResponse();
}

}  // namespace quern::master
