#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

pb::AdoptHistoryResponse Describe(Master& master) {
  pb::AdoptHistoryResponse response;
  response.set_log_index(master.committer().committed_index());
  ClusterState& state = master.state();
  MutexLock lock(&state.mutex);
  response.set_term(state.standing.start().term);
  response.set_next_chunk(state.standing.next_chunk());
  for (const auto& [address, conflict] : state.standing.conflicts()) {
    auto* server = response.add_servers();
    server->set_address(address);
    server->set_term(conflict.followed.term);
    server->set_log_index(conflict.followed.log_index);
    server->set_max_chunk_id(conflict.max_chunk.value());
    server->set_replica_count(conflict.replica_count);
    server->set_reason(conflict.reason);
  }
  uint32_t silent = 0;
  for (const auto& [id, server] : state.servers.servers()) {
    const bool heard =
        server.registered || state.standing.conflicts().contains(server.row.address());
    if (!heard) ++silent;
  }
  response.set_silent_servers(silent);
  return response;
}

}  // namespace

Reply<pb::AdoptHistoryResponse> AdoptHistory(Master& master, const pb::AdoptHistoryRequest& request,
                                             const CallContext&) {
  pb::AdoptHistoryResponse response = Describe(master);
  if (!request.confirm()) return response;
  RETURN_IF_ERROR(master.AdoptHistory());
  response.set_adopted(true);
  return response;
}

}  // namespace quern::master
