#include "master/logic/chunk_table.h"

#include <algorithm>

namespace quern::master {

const Replica* ChunkInfo::Find(ServerId server) const {
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [&](const Replica& r) { return r.server == server; });
  return found == replicas.end() ? nullptr : &*found;
}

ChunkTable::PackedReplica::PackedReplica(const Replica& replica)
    : bits_(replica.server.value() << 8 | static_cast<uint32_t>(replica.state) << 1 |
            static_cast<uint32_t>(replica.confirmed)) {}

Replica ChunkTable::PackedReplica::Unpack() const {
  return {server(), static_cast<pb::ReplicaState>(bits_ >> 1 & 0xf), (bits_ & 1) != 0};
}

ChunkTable::ChunkTable() : shards_(kInventoryBuckets) {}

ChunkTable::Entry* ChunkTable::FindEntry(ChunkId id) {
  EntryMap& shard = Shard(id);
  const auto found = shard.find(id);
  return found == shard.end() ? nullptr : &found->second;
}

std::span<const ChunkTable::PackedReplica> ChunkTable::Replicas(ChunkId id,
                                                                const Entry& entry) const {
  if (entry.count <= kInlineReplicas) return {entry.replicas.data(), entry.count};
  return overflow_.at(id);
}

ChunkInfo ChunkTable::Unpack(ChunkId id, const Entry& entry) const {
  ChunkInfo info;
  info.id = id;
  info.state = static_cast<pb::ChunkState>(entry.state);
  info.length = entry.length;
  info.crc = entry.crc;
  info.wanted = entry.wanted;
  info.clean = entry.clean;
  for (const PackedReplica replica : Replicas(id, entry)) {
    info.replicas.push_back(replica.Unpack());
  }
  return info;
}

uint64_t ChunkTable::HashOf(ChunkId id, const Entry& entry, const Replica& replica) const {
  return InventoryHash(id, static_cast<uint32_t>(replica.state), entry.length, entry.crc);
}

void ChunkTable::CountReplicas(ChunkId id, const Entry& entry, int delta) {
  for (const PackedReplica packed : Replicas(id, entry)) {
    const Replica replica = packed.Unpack();
    std::unique_ptr<ServerSums>& sums = sums_[replica.server];
    if (sums == nullptr) sums = std::make_unique<ServerSums>();
    sums->digests[InventoryBucket(id)] ^= HashOf(id, entry, replica);
    sums->count += static_cast<uint64_t>(static_cast<int64_t>(delta));
  }
}

void ChunkTable::StoreReplicas(ChunkId id, Entry* entry, std::span<const Replica> replicas) {
  entry->count = static_cast<uint8_t>(replicas.size());
  overflow_.erase(id);
  if (replicas.size() > kInlineReplicas) {
    auto& packed = overflow_[id];
    for (const Replica& replica : replicas) packed.emplace_back(replica);
    return;
  }
  std::transform(replicas.begin(), replicas.end(), entry->replicas.begin(),
                 [](const Replica& replica) { return PackedReplica(replica); });
}

void ChunkTable::Load(ChunkId id, pb::ChunkState state, uint64_t length, uint32_t crc,
                      uint32_t wanted, std::span<const ServerId> chain) {
  Remove(id);
  Entry& entry = Shard(id)[id];
  ++size_;
  entry.state = static_cast<uint8_t>(state);
  entry.length = length;
  entry.crc = crc;
  entry.wanted = static_cast<uint8_t>(wanted);
  const auto replica_state =
      state == pb::CHUNK_STATE_SEALED ? pb::REPLICA_STATE_FINALIZED : pb::REPLICA_STATE_OPEN;
  std::vector<Replica> replicas;
  for (const ServerId server : chain) replicas.push_back({server, replica_state, false});
  StoreReplicas(id, &entry, replicas);
  CountReplicas(id, entry, 1);
}

void ChunkTable::Open(ChunkId id, uint32_t wanted, std::span<const ServerId> chain) {
  Load(id, pb::CHUNK_STATE_OPEN, 0, 0, wanted, chain);
  for (const ServerId server : chain) SetReplica(id, {server, pb::REPLICA_STATE_OPEN, true});
}

void ChunkTable::BeginSeal(ChunkId id) {
  if (Entry* entry = FindEntry(id)) entry->state = pb::CHUNK_STATE_SEALING;
}

void ChunkTable::Seal(ChunkId id, uint64_t length, uint32_t crc, bool clean) {
  Entry* entry = FindEntry(id);
  if (entry == nullptr) return;
  CountReplicas(id, *entry, -1);
  entry->state = pb::CHUNK_STATE_SEALED;
  entry->length = length;
  entry->crc = crc;
  entry->clean = clean;
  CountReplicas(id, *entry, 1);
}

void ChunkTable::SetWanted(ChunkId id, uint32_t wanted) {
  if (Entry* entry = FindEntry(id)) entry->wanted = static_cast<uint8_t>(wanted);
}

void ChunkTable::Remove(ChunkId id) {
  Entry* entry = FindEntry(id);
  if (entry == nullptr) return;
  CountReplicas(id, *entry, -1);
  overflow_.erase(id);
  Shard(id).erase(id);
  --size_;
}

void ChunkTable::SetReplica(ChunkId id, const Replica& replica) {
  Entry* entry = FindEntry(id);
  if (entry == nullptr) return;
  ChunkInfo info = Unpack(id, *entry);
  const auto found = std::find_if(info.replicas.begin(), info.replicas.end(),
                                  [&](const Replica& r) { return r.server == replica.server; });
  if (found == info.replicas.end()) {
    info.replicas.push_back(replica);
  } else {
    *found = replica;
  }
  CountReplicas(id, *entry, -1);
  StoreReplicas(id, entry, info.replicas);
  CountReplicas(id, *entry, 1);
}

void ChunkTable::RemoveReplica(ChunkId id, ServerId server) {
  Entry* entry = FindEntry(id);
  if (entry == nullptr) return;
  ChunkInfo info = Unpack(id, *entry);
  CountReplicas(id, *entry, -1);
  const auto kept = std::remove_if(info.replicas.begin(), info.replicas.end(),
                                   [&](const Replica& r) { return r.server == server; });
  info.replicas.erase(kept, info.replicas.end());
  StoreReplicas(id, entry, info.replicas);
  CountReplicas(id, *entry, 1);
}

std::optional<ChunkInfo> ChunkTable::Find(ChunkId id) const {
  const EntryMap& shard = Shard(id);
  const auto found = shard.find(id);
  if (found == shard.end()) return std::nullopt;
  return Unpack(id, found->second);
}

std::vector<ChunkInfo> ChunkTable::OnServer(ServerId server, uint32_t bucket) const {
  std::vector<ChunkInfo> chunks;
  for (const auto& [id, entry] : shards_[bucket]) {
    const auto replicas = Replicas(id, entry);
    if (std::any_of(replicas.begin(), replicas.end(),
                    [&](PackedReplica r) { return r.server() == server; })) {
      chunks.push_back(Unpack(id, entry));
    }
  }
  return chunks;
}

uint64_t ChunkTable::CountOnServer(ServerId server) const {
  const auto found = sums_.find(server);
  return found == sums_.end() ? 0 : found->second->count;
}

void ChunkTable::ForEach(const std::function<void(const ChunkInfo&)>& visit) const {
  for (const EntryMap& shard : shards_) {
    for (const auto& [id, entry] : shard) visit(Unpack(id, entry));
  }
}

InventoryDigests ChunkTable::Digests(ServerId server) const {
  const auto found = sums_.find(server);
  return found == sums_.end() ? InventoryDigests{} : found->second->digests;
}

absl::Status ChunkTable::Validate() const {
  absl::flat_hash_map<ServerId, ServerSums> expected;
  size_t entries = 0;
  size_t overflowing = 0;
  for (const EntryMap& shard : shards_) {
    for (const auto& [id, entry] : shard) {
      ++entries;
      if (entry.count > kInlineReplicas) ++overflowing;
      const ChunkInfo info = Unpack(id, entry);
      for (const Replica& replica : info.replicas) {
        ServerSums& sums = expected[replica.server];
        sums.digests[InventoryBucket(id)] ^= HashOf(id, entry, replica);
        ++sums.count;
        if (std::count_if(info.replicas.begin(), info.replicas.end(),
                          [&](const Replica& r) { return r.server == replica.server; }) != 1) {
          return InternalError("chunk {} has two replicas on {}", id, replica.server);
        }
      }
    }
  }
  if (entries != size_) return InternalError("{} chunks, {} counted", entries, size_);
  if (overflowing != overflow_.size()) return InternalError("overflow table has strangers");
  for (const auto& [server, sums] : sums_) {
    if (sums->count != expected[server].count || sums->digests != expected[server].digests) {
      return InternalError("the sums of {} are wrong", server);
    }
  }
  return absl::OkStatus();
}

}  // namespace quern::master
