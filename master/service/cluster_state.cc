#include "master/service/cluster_state.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/clock.h"

namespace quern::master {
namespace {

std::vector<ServerId> ServerIds(const google::protobuf::RepeatedField<uint32_t>& servers) {
  std::vector<ServerId> ids;
  for (const uint32_t server : servers) ids.emplace_back(server);
  return ids;
}

}  // namespace

void ClusterState::Load(const MetadataView& view) {
  MutexLock lock(&mutex);
  standing.Load(view.Starts(), view.Meta().next_chunk());
  view.ForEachServer([&](ServerId id, const pb::ServerRow& row)
                         ABSL_NO_THREAD_SAFETY_ANALYSIS { servers.Load(id, row); });
  view.ForEachChunk([&](ChunkId id, const pb::ChunkRow& row) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    chunks.Load(id, row.state(), row.length(), row.crc(), row.wanted_replicas(),
                ServerIds(row.servers()));
    Reassess(id, absl::InfinitePast());
  });
  view.ForEachGarbage([&](ChunkId id, const pb::GarbageRow& row) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    garbage.AddGarbage(id, ServerIds(row.servers()));
  });
}

void ClusterState::Apply(const pb::LogRecord& record, absl::Time now) {
  switch (record.kind_case()) {
    case pb::LogRecord::kAddChunk:
    case pb::LogRecord::kCreateFile:
    case pb::LogRecord::kBeginSeal:
    case pb::LogRecord::kSealChunk:
    case pb::LogRecord::kCompleteFile:
    case pb::LogRecord::kSetReplication:
    case pb::LogRecord::kCollect:
    case pb::LogRecord::kRegisterServer:
    case pb::LogRecord::kReserveChunkIds:
      break;
    default:
      return;  // nothing that is kept in memory
  }
  if (record.has_create_file() && !record.create_file().has_first_chunk()) return;
  if (record.has_complete_file() && !record.complete_file().has_seal()) return;
  MutexLock lock(&mutex);
  if (record.has_add_chunk() || record.has_create_file()) {
    const pb::AddChunk& add =
        record.has_add_chunk() ? record.add_chunk() : record.create_file().first_chunk();
    Open(add);
  } else if (record.has_begin_seal()) {
    chunks.BeginSeal(ChunkId(record.begin_seal().chunk_id()));
  } else if (record.has_seal_chunk() || record.has_complete_file()) {
    const pb::SealChunk& seal =
        record.has_seal_chunk() ? record.seal_chunk() : record.complete_file().seal();
    chunks.Seal(ChunkId(seal.chunk_id()), seal.length(), seal.crc(), seal.clean());
    ReplicasChanged(ChunkId(seal.chunk_id()), now);
  } else if (record.has_set_replication()) {
    for (const uint64_t id : record.set_replication().chunk_ids()) {
      chunks.SetWanted(ChunkId(id), record.set_replication().replication());
      Reassess(ChunkId(id), now);
    }
  } else if (record.has_collect()) {
    for (const uint64_t id : record.collect().chunk_ids()) {
      const std::optional<ChunkInfo> chunk = chunks.Find(ChunkId(id));
      if (!chunk.has_value()) continue;
      std::vector<ServerId> holders;
      for (const Replica& replica : chunk->replicas) holders.push_back(replica.server);
      chunks.Remove(chunk->id);
      repair.Forget(chunk->id);
      garbage.AddGarbage(chunk->id, holders);
    }
  } else if (record.has_reserve_chunk_ids()) {
    standing.Reserved(record.reserve_chunk_ids().next_chunk());
  } else if (record.has_register_server()) {
    servers.Load(ServerId(record.register_server().server_id()), record.register_server().server());
  }
  Changed();
}

void ClusterState::Open(const pb::AddChunk& add) {
  const ChunkId chunk(add.chunk_id());
  chunks.Open(chunk, add.wanted_replicas(), ServerIds(add.servers()));
  const auto allocation = allocating.find(chunk);
  if (allocation == allocating.end()) return;
  // A session that has begun since did not compare this chunk, and an empty replica may be
  // forgotten by a power cut. The writer finds out; until then it is not counted on.
  for (const auto& [server, session] : allocation->second.made_in) {
    const ServerInfo* info = servers.Find(server);
    const bool gone =
        std::ranges::find(allocation->second.gone, server) != allocation->second.gone.end();
    if (info != nullptr && info->session == session && !gone) continue;
    chunks.SetReplica(chunk, {server, pb::REPLICA_STATE_OPEN, /*confirmed=*/false});
  }
  allocating.erase(allocation);
}

void ClusterState::Changed() {
  if (on_change) on_change();
}

void ClusterState::Reassess(ChunkId chunk, absl::Time now) {
  const std::optional<ChunkInfo> info = chunks.Find(chunk);
  if (info.has_value()) Reassess(*info, now);
}

void ClusterState::Reassess(const ChunkInfo& chunk, absl::Time now) {
  if (chunk.state != pb::CHUNK_STATE_SEALED) return;
  const ChunkAssessment assessment = Assess(chunk, servers);
  repair.Update(chunk.id, assessment);
  // Only then is there anything to take away.
  if (assessment.bad.empty() && assessment.good.size() <= assessment.wanted) return;
  for (const ServerId server : garbage.Replaced(chunk, servers)) {
    garbage.Remove(chunk.id, server);
  }
  garbage.LookForSurplus(chunk, servers, now);
}

void ClusterState::ReplicasChanged(ChunkId chunk, absl::Time now) {
  Reassess(chunk, now);
  hints_to_write.insert(chunk);
}

void ClusterState::ForEachOnServer(ServerId server,
                                   const std::function<void(const ChunkInfo&)>& visit,
                                   const std::function<void()>& end_slice) {
  ChunkTable::Walk walk;
  while (!walk.at_end()) {
    {
      MutexLock lock(&mutex);
      for (const ChunkInfo& chunk : chunks.NextOnServer(server, kSlice, &walk)) visit(chunk);
    }
    if (end_slice) end_slice();
    if (!walk.at_end()) GiveWay();
  }
}

void ClusterState::ReassessServer(ServerId server, absl::Time now) {
  ForEachOnServer(server, [&](const ChunkInfo& chunk)
                              ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { Reassess(chunk, now); });
  MutexLock lock(&mutex);
  Changed();
}

}  // namespace quern::master
