#include "master/logic/chunk_table.h"

#include <algorithm>
#include <utility>

namespace quern::master {
namespace {

// A replica in 20 bits: 16 of server index, 3 of state, 1 confirmed.
constexpr uint32_t kReplicaBits = 20;
constexpr uint64_t kReplicasMask = (uint64_t{1} << 60) - 1;
static_assert(pb::ReplicaState_MAX < 8, "a state has 3 bits");
constexpr uint32_t kMaxIndex = (uint32_t{1} << 16) - 1;

template <typename Replicas>
auto FindOn(Replicas& replicas, ServerId server) {
  return std::find_if(replicas.begin(), replicas.end(),
                      [&](const Replica& r) { return r.server == server; });
}

// The low 4 bits of a packed replica.
uint64_t FlagsOf(const Replica& replica) {
  return static_cast<uint64_t>(replica.state) << 1 | (replica.confirmed ? 1 : 0);
}

uint64_t HashOf(const ChunkRecord& record, const Replica& replica) {
  return InventoryHash(ChunkId(record.id), static_cast<uint32_t>(replica.state), record.length(),
                       record.crc);
}

}  // namespace

const Replica* ChunkInfo::Find(ServerId server) const {
  const auto found = FindOn(replicas, server);
  return found == replicas.end() ? nullptr : &*found;
}

ChunkTable::ChunkTable(uint32_t max_numbered_servers)
    : max_numbered_servers_(std::min(max_numbered_servers, kMaxIndex + 1)),
      pools_(kInventoryBuckets) {}

std::optional<ChunkTable::Place> ChunkTable::PlaceOf(ChunkId id) const {
  const uint32_t bucket = InventoryBucket(id);
  const uint32_t slot = pools_[bucket].Find(id);
  if (slot == ChunkPool::kNoSlot) return std::nullopt;
  return Place{bucket, slot};
}

ChunkTable::Replicas ChunkTable::ReplicasOf(const ChunkRecord& record) const {
  if (record.elsewhere != 0) return elsewhere_.at(ChunkId(record.id));
  Replicas replicas;
  for (uint32_t i = 0; i < record.count; ++i) {
    const uint64_t bits = record.replicas >> (i * kReplicaBits);
    replicas.push_back({by_index_[bits >> 4 & kMaxIndex],
                        static_cast<pb::ReplicaState>(bits >> 1 & 7), (bits & 1) != 0});
  }
  return replicas;
}

void ChunkTable::StoreReplicas(const Replicas& replicas, ChunkRecord* record) {
  if (record->elsewhere != 0) elsewhere_.erase(ChunkId(record->id));
  bool fits = replicas.size() <= kInlineReplicas;
  uint64_t packed = 0;
  for (size_t i = 0; fits && i < replicas.size(); ++i) {
    const uint32_t index = SumsOf(replicas[i].server).index;
    fits = index != kNoIndex;
    packed |= (uint64_t{index} << 4 | FlagsOf(replicas[i])) << (i * kReplicaBits);
  }
  record->elsewhere = fits ? 0 : 1;
  record->count = fits ? replicas.size() & 3 : 0;
  record->replicas = fits ? packed & kReplicasMask : 0;
  if (!fits) elsewhere_[ChunkId(record->id)] = replicas;
}

ChunkInfo ChunkTable::Unpack(const ChunkRecord& record) const {
  ChunkInfo info;
  info.id = ChunkId(record.id);
  info.state = static_cast<pb::ChunkState>(record.state);
  info.length = record.length();
  info.crc = record.crc;
  info.wanted = record.wanted;
  info.clean = record.clean != 0;
  info.replicas = ReplicasOf(record);
  return info;
}

ChunkTable::ServerSums& ChunkTable::SumsOf(ServerId server) {
  std::unique_ptr<ServerSums>& sums = sums_[server];
  if (sums != nullptr) return *sums;
  sums = std::make_unique<ServerSums>();
  sums->server = server;
  sums->index = kNoIndex;
  if (!free_indices_.empty()) {
    sums->index = free_indices_.back();
    free_indices_.pop_back();
    by_index_[sums->index] = server;
  } else if (by_index_.size() < max_numbered_servers_) {
    sums->index = static_cast<uint32_t>(by_index_.size());
    by_index_.push_back(server);
  }
  return *sums;
}

void ChunkTable::Toggle(const ChunkRecord& record, const Replica& replica) {
  SumsOf(replica.server).digests[InventoryBucket(ChunkId(record.id))] ^= HashOf(record, replica);
}

void ChunkTable::Join(Place place, const Replica& replica) {
  SumsOf(replica.server).chunks.Insert(place.ref());
  Toggle(At(place), replica);
}

void ChunkTable::Leave(Place place, const Replica& replica) {
  Toggle(At(place), replica);
  const auto found = sums_.find(replica.server);
  ServerSums& sums = *found->second;
  sums.chunks.Erase(place.ref());
  if (sums.chunks.size() > 0) return;
  if (sums.index != kNoIndex) free_indices_.push_back(sums.index);
  sums_.erase(found);
}

void ChunkTable::Load(ChunkId id, pb::ChunkState state, uint64_t length, uint32_t crc,
                      uint32_t wanted, std::span<const ServerId> chain) {
  Remove(id);
  const Place place{InventoryBucket(id), Pool(id).Add(id)};
  ChunkRecord& record = At(place);
  record.state = static_cast<uint64_t>(state) & 3;
  record.set_length(length);
  record.crc = crc;
  record.wanted = wanted & 0x7f;
  const auto replica_state =
      state == pb::CHUNK_STATE_SEALED ? pb::REPLICA_STATE_FINALIZED : pb::REPLICA_STATE_OPEN;
  Replicas replicas;
  for (const ServerId server : chain) {
    if (FindOn(replicas, server) == replicas.end()) {
      replicas.push_back({server, replica_state, false});
    }
  }
  for (const Replica& replica : replicas) Join(place, replica);
  StoreReplicas(replicas, &record);
}

void ChunkTable::Open(ChunkId id, uint32_t wanted, std::span<const ServerId> chain) {
  Load(id, pb::CHUNK_STATE_OPEN, 0, 0, wanted, chain);
  for (const ServerId server : chain) SetReplica(id, {server, pb::REPLICA_STATE_OPEN, true});
}

void ChunkTable::BeginSeal(ChunkId id) {
  if (const auto place = PlaceOf(id)) At(*place).state = pb::CHUNK_STATE_SEALING;
}

void ChunkTable::Seal(ChunkId id, uint64_t length, uint32_t crc, bool clean) {
  const auto place = PlaceOf(id);
  if (!place.has_value()) return;
  ChunkRecord& record = At(*place);
  const Replicas replicas = ReplicasOf(record);
  for (const Replica& replica : replicas) Toggle(record, replica);
  record.state = pb::CHUNK_STATE_SEALED;
  record.set_length(length);
  record.crc = crc;
  record.clean = clean ? 1 : 0;
  for (const Replica& replica : replicas) Toggle(record, replica);
}

void ChunkTable::SetWanted(ChunkId id, uint32_t wanted) {
  if (const auto place = PlaceOf(id)) At(*place).wanted = wanted & 0x7f;
}

void ChunkTable::Remove(ChunkId id) {
  const auto place = PlaceOf(id);
  if (!place.has_value()) return;
  for (const Replica& replica : ReplicasOf(At(*place))) Leave(*place, replica);
  elsewhere_.erase(id);
  Pool(id).Remove(place->slot);
}

void ChunkTable::SetReplica(ChunkId id, const Replica& replica) {
  const auto place = PlaceOf(id);
  if (!place.has_value()) return;
  ChunkRecord& record = At(*place);
  Replicas replicas = ReplicasOf(record);
  const auto found = FindOn(replicas, replica.server);
  if (found == replicas.end()) {
    Join(*place, replica);
    replicas.push_back(replica);
    StoreReplicas(replicas, &record);
    return;
  }
  if (*found == replica) return;
  if (found->state != replica.state) {
    Toggle(record, *found);
    Toggle(record, replica);
  }
  // In its place: a server that registers has this done for each of its chunks.
  const auto position = static_cast<uint32_t>(found - replicas.begin());
  if (record.elsewhere != 0) {
    elsewhere_[id][position] = replica;
  } else {
    const uint64_t changed = FlagsOf(*found) ^ FlagsOf(replica);
    record.replicas = (record.replicas ^ changed << (position * kReplicaBits)) & kReplicasMask;
  }
}

void ChunkTable::RemoveReplica(ChunkId id, ServerId server) {
  const auto place = PlaceOf(id);
  if (!place.has_value()) return;
  ChunkRecord& record = At(*place);
  Replicas replicas = ReplicasOf(record);
  const auto found = FindOn(replicas, server);
  if (found == replicas.end()) return;
  const Replica removed = *found;
  replicas.erase(found);
  StoreReplicas(replicas, &record);
  Leave(*place, removed);
}

std::optional<ChunkInfo> ChunkTable::Find(ChunkId id) const {
  const auto place = PlaceOf(id);
  if (!place.has_value()) return std::nullopt;
  return Unpack(At(*place));
}

size_t ChunkTable::size() const {
  size_t size = 0;
  for (const ChunkPool& pool : pools_) size += pool.size();
  return size;
}

std::vector<ChunkInfo> ChunkTable::NextOnServer(ServerId server, size_t limit, Walk* walk) const {
  std::vector<ChunkInfo> chunks;
  const auto found = sums_.find(server);
  if (walk->at_end() || found == sums_.end()) {
    walk->next_ = uint64_t{UINT32_MAX} + 1;
    return chunks;
  }
  const std::vector<uint32_t> refs =
      found->second->chunks.From(static_cast<uint32_t>(walk->next_), limit);
  chunks.reserve(refs.size());
  for (const uint32_t ref : refs) {
    chunks.push_back(Unpack(At({ref >> ChunkPool::kSlotBits, ref & ChunkPool::kNoSlot})));
  }
  walk->next_ = refs.size() < limit ? uint64_t{UINT32_MAX} + 1 : uint64_t{refs.back()} + 1;
  return chunks;
}

std::vector<ChunkId> ChunkTable::InBucket(ServerId server, uint32_t bucket) const {
  std::vector<ChunkId> chunks;
  const auto found = sums_.find(server);
  if (found == sums_.end()) return chunks;
  constexpr size_t kStep = 1000;
  for (uint32_t next = bucket << ChunkPool::kSlotBits;;) {
    const std::vector<uint32_t> refs = found->second->chunks.From(next, kStep);
    for (const uint32_t ref : refs) {
      if (ref >> ChunkPool::kSlotBits != bucket) return chunks;
      chunks.emplace_back(At({bucket, ref & ChunkPool::kNoSlot}).id);
    }
    if (refs.size() < kStep || refs.back() == UINT32_MAX) return chunks;
    next = refs.back() + 1;
  }
}

uint64_t ChunkTable::CountOnServer(ServerId server) const {
  const auto found = sums_.find(server);
  return found == sums_.end() ? 0 : found->second->chunks.size();
}

InventoryDigests ChunkTable::Digests(ServerId server) const {
  const auto found = sums_.find(server);
  return found == sums_.end() ? InventoryDigests{} : found->second->digests;
}

absl::Status ChunkTable::Validate() const {
  struct Expected {
    InventoryDigests digests{};
    uint64_t count = 0;
  };
  absl::flat_hash_map<ServerId, Expected> expected;
  size_t elsewhere = 0;
  for (uint32_t bucket = 0; bucket < kInventoryBuckets; ++bucket) {
    const ChunkPool& pool = pools_[bucket];
    RETURN_IF_ERROR(pool.Validate());
    for (uint32_t slot = 0; slot < pool.end(); ++slot) {
      const ChunkRecord& record = pool[slot];
      if (record.id == 0) continue;
      elsewhere += record.elsewhere;
      const Replicas replicas = ReplicasOf(record);
      for (const Replica& replica : replicas) {
        Expected& sums = expected[replica.server];
        sums.digests[bucket] ^= HashOf(record, replica);
        ++sums.count;
        const auto on_server = [&](const Replica& r) { return r.server == replica.server; };
        if (std::count_if(replicas.begin(), replicas.end(), on_server) != 1) {
          return InternalError("chunk {} has two replicas on {}", ChunkId(record.id),
                               replica.server);
        }
        const auto sums_of = sums_.find(replica.server);
        if (sums_of == sums_.end() ||
            !sums_of->second->chunks.Contains(Place{bucket, slot}.ref())) {
          return InternalError("chunk {} is not listed on {}", ChunkId(record.id), replica.server);
        }
      }
    }
  }
  if (elsewhere != elsewhere_.size()) return InternalError("strangers have many replicas");
  for (const auto& [server, sums] : sums_) {
    RETURN_IF_ERROR(sums->chunks.Validate());
    const Expected& of_server = expected[server];
    if (sums->chunks.size() != of_server.count || sums->digests != of_server.digests) {
      return InternalError("the sums of {} are wrong", server);
    }
  }
  return absl::OkStatus();
}

}  // namespace quern::master
