#include "client/master/convert.h"

namespace quern::client {
namespace {

Durability DurabilityOf(pb::Durability durability) {
  switch (durability) {
    case pb::DURABILITY_ON_CLOSE:
      return Durability::kOnClose;
    case pb::DURABILITY_SYNC:
      return Durability::kSync;
    default:
      return Durability::kDefault;
  }
}

ClusterStatus::Server ServerOf(const pb::GetClusterResponse::Server& server) {
  ClusterStatus::Server result{
      .address = client::FromProto(server.address()),
      .alive = server.alive(),
      .heartbeat_age = absl::Milliseconds(server.heartbeat_age_ms()),
      .capacity_bytes = server.capacity_bytes(),
      .used_bytes = server.used_bytes(),
      .free_bytes = server.free_bytes(),
      .chunk_count = server.chunk_count(),
      .http_address = server.http_address(),
      .version = server.version(),
      .disks = {},
  };
  for (const auto& disk : server.disks()) {
    result.disks.push_back({.path = disk.path(),
                            .capacity_bytes = disk.capacity_bytes(),
                            .free_bytes = disk.free_bytes(),
                            .failed = disk.failed(),
                            .device = disk.device(),
                            .hangs = disk.hangs()});
  }
  return result;
}

}  // namespace

FileStatus FromProto(const pb::FileStatus& status) {
  const bool directory = status.type() == pb::FILE_TYPE_DIRECTORY;
  return {
      .path = status.path(),
      .inode = InodeId(status.inode_id()),
      .type = directory ? FileType::kDirectory : FileType::kFile,
      .length = status.length(),
      .replication = status.replication(),
      .chunk_size = status.chunk_size(),
      .owner = status.owner(),
      .group = status.group(),
      .mode = status.mode(),
      .mtime = absl::FromUnixMillis(status.mtime_ms()),
      .durability = DurabilityOf(status.durability()),
      .complete = status.complete(),
      .lost_tail = status.lost_tail(),
      .chunk_count = status.chunk_count(),
      .child_count = status.child_count(),
  };
}

ServerAddress FromProto(const pb::ServerAddress& server) {
  return {.id = ServerId(server.server_id()),
          .address = server.address(),
          .node = server.node(),
          .rack = server.rack()};
}

ChunkInfo FromProto(const pb::ChunkLocation& chunk) {
  ChunkInfo result{
      .id = ChunkId(chunk.chunk_id()),
      .ordinal = chunk.ordinal(),
      .offset = chunk.file_offset(),
      .length = chunk.length(),
      .crc = chunk.crc(),
      .sealed = chunk.state() == pb::CHUNK_STATE_SEALED,
      .wanted_replicas = chunk.wanted_replicas(),
      .lost_tail = chunk.lost_tail(),
      .replicas = {},
  };
  for (const auto& replica : chunk.replicas()) result.replicas.push_back(FromProto(replica));
  return result;
}

OpenFile FromProto(const pb::OpenFile& file) {
  const int64_t silence_ms = file.writer_silence_ms();
  return {.inode = InodeId(file.inode_id()),
          .path = file.path(),
          .linked = file.linked(),
          .length = file.length(),
          .chunk_count = file.chunk_count(),
          .writer_silence =
              silence_ms < 0 ? std::nullopt : std::optional(absl::Milliseconds(silence_ms))};
}

ClusterStatus FromProto(const pb::GetClusterResponse& cluster) {
  ClusterStatus result{
      .cluster_id = cluster.cluster_id(),
      .term = cluster.term(),
      .default_replication = cluster.default_replication(),
      .min_write_replicas = cluster.min_write_replicas(),
      .servers = {},
      .file_count = cluster.file_count(),
      .directory_count = cluster.directory_count(),
      .chunk_count = cluster.chunk_count(),
      .under_replicated = cluster.under_replicated(),
      .missing = cluster.missing(),
      .repairs_in_flight = cluster.repairs_in_flight(),
      .writable = cluster.writable(),
      .http_address = cluster.http_address(),
      .halted = cluster.halted(),
  };
  for (const auto& server : cluster.servers()) result.servers.push_back(ServerOf(server));
  return result;
}

HistoryConflicts FromProto(const pb::AdoptHistoryResponse& response) {
  HistoryConflicts result{.servers = {},
                          .term = response.term(),
                          .log_index = response.log_index(),
                          .next_chunk = ChunkId(response.next_chunk()),
                          .silent_servers = response.silent_servers()};
  for (const auto& server : response.servers()) {
    result.servers.push_back({.address = server.address(),
                              .term = server.term(),
                              .log_index = server.log_index(),
                              .max_chunk = ChunkId(server.max_chunk_id()),
                              .replica_count = server.replica_count(),
                              .reason = server.reason()});
  }
  return result;
}

pb::Durability ToProto(Durability durability) {
  switch (durability) {
    case Durability::kDefault:
      return pb::DURABILITY_UNSPECIFIED;
    case Durability::kOnClose:
      return pb::DURABILITY_ON_CLOSE;
    case Durability::kSync:
      return pb::DURABILITY_SYNC;
  }
  return pb::DURABILITY_UNSPECIFIED;
}

pb::RenameRequest::Replace ToProto(RenameMode mode) {
  switch (mode) {
    case RenameMode::kNoReplace:
      return pb::RenameRequest::REPLACE_NOTHING;
    case RenameMode::kReplaceFile:
      return pb::RenameRequest::REPLACE_FILE;
    case RenameMode::kReplaceTree:
      return pb::RenameRequest::REPLACE_TREE;
  }
  return pb::RenameRequest::REPLACE_NOTHING;
}

pb::ServerAddress ToProto(const ServerAddress& server) {
  pb::ServerAddress result;
  result.set_server_id(server.id.value());
  result.set_address(server.address);
  result.set_node(server.node);
  result.set_rack(server.rack);
  return result;
}

}  // namespace quern::client
