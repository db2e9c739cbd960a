#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "master/logic/path_lookup.h"
#include "master/service/rpc/handlers.h"

namespace quern::master {
namespace {

constexpr uint32_t kDefaultPage = 1000;
constexpr uint32_t kMaxPage = 10'000;

struct File {
  InodeId inode;
  pb::InodeRow row;
  std::string path;
};

absl::StatusOr<File> FindFile(const MetadataView& view, const pb::GetChunksRequest& request) {
  File file;
  file.inode = InodeId(request.inode_id());
  file.path = request.path();
  if (!file.inode) {
    ASSIGN_OR_RETURN(const PathLookup lookup, LookUpExisting(view, request.path()));
    if (lookup.is_directory()) {
      return FailedPreconditionError("{}: is a directory", request.path());
    }
    file.inode = lookup.inode();
  }
  std::optional<pb::InodeRow> row = view.Inode(file.inode);
  if (!row.has_value() || row->deleted()) {
    return NotFoundError("{}: no such file", file.path.empty() ? file.inode.ToString() : file.path);
  }
  file.row = *std::move(row);
  return file;
}

// Lower is better for the reader; nothing: not to be read.
using Distance = std::tuple<int, int>;

int Locality(const ServerInfo& server, std::string_view node, std::string_view rack) {
  if (server.row.node() == node) return 0;
  return server.row.rack() == rack ? 1 : 2;
}

int Doubt(const ServerInfo& server, const Replica& replica, ServerHealth health) {
  if (replica.state != pb::REPLICA_STATE_FINALIZED) return 1;
  if (health == ServerHealth::kSuspected || !replica.confirmed) return 2;
  return server.connected ? 0 : 3;
}

std::string RackOf(const ServerRegistry& servers, std::string_view node) {
  const std::span<const ServerId> there = servers.OnNode(node);
  return there.empty() ? "" : servers.Find(there.front())->row.rack();
}

// Replicas of a sealed chunk, best first. A server whose session is broken counts only when there
// is no other, and until it is known to be dead.
std::vector<const ServerInfo*> Readable(const ChunkInfo& chunk, const ServerRegistry& servers,
                                        std::string_view node, std::string_view rack,
                                        absl::Time now) {
  std::vector<std::pair<Distance, const ServerInfo*>> ranked;
  std::vector<const ServerInfo*> broken;
  for (const Replica& replica : chunk.replicas) {
    const ServerInfo* server = servers.Find(replica.server);
    if (server == nullptr || replica.state == pb::REPLICA_STATE_STALE ||
        replica.state == pb::REPLICA_STATE_CORRUPT) {
      continue;
    }
    const ServerHealth health = servers.Health(*server, now);
    if (health == ServerHealth::kDead) continue;
    if (server->registered && !server->connected) {
      broken.push_back(server);
    } else {
      ranked.push_back({{Doubt(*server, replica, health), Locality(*server, node, rack)}, server});
    }
  }
  if (ranked.empty()) return broken;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<const ServerInfo*> result;
  for (const auto& [distance, server] : ranked) result.push_back(server);
  return result;
}

// Where an unsealed chunk is: its chain, in its fixed order.
std::vector<const ServerInfo*> Chain(const pb::ChunkRow& row, const ServerRegistry& servers) {
  std::vector<const ServerInfo*> chain;
  for (const uint32_t id : row.servers()) {
    const ServerInfo* server = servers.Find(ServerId(id));
    if (server != nullptr) chain.push_back(server);
  }
  return chain;
}

}  // namespace

Reply<pb::GetChunksResponse> GetChunks(Master& master, const pb::GetChunksRequest& request,
                                       const CallContext&) {
  const std::unique_ptr<RowReader> rows = master.committer().Snapshot();
  const MetadataView view(*rows);
  ASSIGN_OR_RETURN(const File file, FindFile(view, request));
  pb::GetChunksResponse response;
  *response.mutable_status() = ToFileStatus(file.path, file.inode, file.row);
  const uint32_t page =
      request.max_chunks() == 0 ? kDefaultPage : std::min(request.max_chunks(), kMaxPage);
  const uint32_t end = static_cast<uint32_t>(
      std::min<uint64_t>(file.row.chunk_count(), uint64_t{request.first_ordinal()} + page));
  response.set_more(end < file.row.chunk_count());

  ClusterState& state = master.state();
  const absl::Time now = master.clock().MonotonicNow();
  std::string rack;
  {
    MutexLock lock(&state.mutex);
    rack = RackOf(state.servers, request.reader_node());
  }
  for (uint32_t ordinal = request.first_ordinal(); ordinal < end; ++ordinal) {
    const std::optional<pb::FileChunkRow> place = view.FileChunk(file.inode, ordinal);
    if (!place.has_value()) break;
    const ChunkId chunk(place->chunk_id());
    const std::optional<pb::ChunkRow> row = view.Chunk(chunk);
    if (!row.has_value()) break;
    pb::ChunkLocation* location = response.add_chunks();
    location->set_chunk_id(chunk.value());
    location->set_ordinal(ordinal);
    location->set_file_offset(place->file_offset());
    location->set_state(row->state());
    location->set_length(row->length());
    location->set_crc(row->crc());
    location->set_wanted_replicas(row->wanted_replicas());
    location->set_lost_tail(row->lost_tail());
    MutexLock lock(&state.mutex);
    const std::optional<ChunkInfo> info = state.chunks.Find(chunk);
    if (!info.has_value()) continue;
    const auto servers = row->state() == pb::CHUNK_STATE_SEALED
                             ? Readable(*info, state.servers, request.reader_node(), rack, now)
                             : Chain(*row, state.servers);
    for (const ServerInfo* server : servers) *location->add_replicas() = server->Address();
  }
  RETURN_IF_ERROR(view.status());
  return response;
}

}  // namespace quern::master
