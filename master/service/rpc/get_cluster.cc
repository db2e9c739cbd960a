#include <algorithm>

#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

// Of the servers of one answer: 10,000 of a dozen disks would be more than a message holds.
constexpr size_t kServersBytes = 2 << 20;

void Describe(const ServerInfo& info, ServerHealth health, absl::Time now, uint64_t chunk_count,
              pb::GetClusterResponse::Server* server) {
  *server->mutable_address() = info.Address();
  server->set_alive(health == ServerHealth::kAlive);
  if (info.registered) {
    server->set_heartbeat_age_ms(absl::ToInt64Milliseconds(now - info.last_heard));
  } else {
    server->set_heartbeat_age_ms(-1);
  }
  server->set_capacity_bytes(info.capacity_bytes);
  server->set_used_bytes(info.used_bytes);
  server->set_free_bytes(info.free_bytes);
  server->set_chunk_count(chunk_count);
  server->set_http_address(info.row.http_address());
  server->set_version(info.version);
  for (const pb::DiskReport& report : info.disks) {
    auto* disk = server->add_disks();
    disk->set_path(report.path());
    disk->set_capacity_bytes(report.capacity_bytes());
    disk->set_free_bytes(report.free_bytes());
    disk->set_failed(report.failed());
    disk->set_device(report.device());
    disk->set_hangs(report.hangs());
  }
}

void DescribeServers(const ClusterState& state, ServerId after, absl::Time now,
                     pb::GetClusterResponse* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
  const auto& servers = state.servers.servers();
  size_t bytes = 0;
  for (auto it = servers.upper_bound(after); it != servers.end(); ++it) {
    if (bytes > kServersBytes) return response->set_more_servers(true);
    const auto& [id, info] = *it;
    auto* server = response->add_servers();
    Describe(info, state.servers.Health(info, now), now, state.chunks.CountOnServer(id), server);
    bytes += server->ByteSizeLong();
  }
}

// Servers that would take a file of one byte now.
size_t CountWithRoom(const ClusterState& state, absl::Time now)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) {
  size_t count = 0;
  for (const auto& [id, info] : state.servers.servers()) {
    const bool alive = state.servers.Health(info, now) == ServerHealth::kAlive;
    if (alive && state.placement.HasRoom(info, 1)) ++count;
  }
  return count;
}

}  // namespace

Reply<pb::GetClusterResponse> GetCluster(Master& master, const pb::GetClusterRequest& request,
                                         const CallContext&) {
  pb::MetaRow meta;
  {
    const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
    const MetadataView view(*rows);
    meta = view.Meta();
    RETURN_IF_ERROR(view.status());
  }
  pb::GetClusterResponse response;
  response.set_cluster_id(master.cluster_id());
  response.set_term(master.term());
  response.set_default_replication(master.options().file_defaults.replication);
  response.set_min_write_replicas(master.options().min_write_replicas);
  response.set_file_count(meta.file_count());
  response.set_directory_count(meta.directory_count());
  response.set_chunk_count(meta.chunk_count());
  response.set_http_address(master.http_address());
  const absl::Status full = master.committer().full();
  ClusterState& state = master.state();
  const absl::Time now = master.clock().MonotonicNow();
  MutexLock lock(&state.mutex);
  DescribeServers(state, ServerId(request.start_after_server()), now, &response);
  response.set_under_replicated(state.repair.under_replicated());
  response.set_missing(state.repair.missing());
  response.set_repairs_in_flight(state.repair.in_flight());
  const uint32_t needed = MinWriteReplicas(
      master.options(), master.options().file_defaults.replication, state.servers.servers().size());
  absl::Status trouble = state.standing.status();
  if (trouble.ok()) trouble = full;
  response.set_halted(std::string(Message(trouble)));
  response.set_writable(trouble.ok() && CountWithRoom(state, now) >= std::max(needed, 1u));
  return response;
}

}  // namespace quern::master
