#include "chunkserver/store/chunk_store.h"

#include <sys/stat.h>

#include <algorithm>

#include "chunkserver/store/rocks_replica_index.h"
#include "common/log.h"
#include "common/random.h"

namespace quern::chunkserver {
namespace {

std::string DeviceOf(const std::string& path) {
  static const auto* const kBoot = new std::string(BootId());
  struct stat info = {};
  if (kBoot->empty() || stat(path.c_str(), &info) != 0) return "";
  return fmt::format("{}:{}", *kBoot, info.st_dev);
}

}  // namespace

std::string BootId() {
  auto id = ReadFileToString(FileSystem::Real(), "/proc/sys/kernel/random/boot_id");
  if (!id.ok()) return "";
  while (!id->empty() && id->back() == '\n') id->pop_back();
  return *std::move(id);
}

absl::StatusOr<std::unique_ptr<ChunkStore>> ChunkStore::Open(ChunkStoreOptions options) {
  if (options.dirs.empty()) return InvalidArgumentError("--dir: at least one directory is needed");
  if (options.open_index == nullptr) {
    options.open_index = [](const std::string& path, bool create) {
      return RocksReplicaIndex::Open({.path = path, .create = create});
    };
  }
  auto store = std::unique_ptr<ChunkStore>(new ChunkStore(std::move(options)));
  RETURN_IF_ERROR(store->OpenDisks());
  for (size_t i = 0; i < store->disks_.size(); ++i) {
    store->marks_.push_back(std::make_unique<Mark>());
  }
  RETURN_IF_ERROR(store->AgreeOnIdentity());
  for (const auto& disk : store->disks_) {
    if (!disk->health().ok()) continue;
    if (absl::Status status = store->LoadReplicas(disk.get()); !status.ok()) disk->Fail(status);
  }
  // Makes every latch and cut of the restart durable before anything is served.
  store->Follow(store->seen_at_start_);
  RETURN_IF_ERROR(store->SaveSeen(store->seen_at_start_, WriteMode::kSynced));
  return store;
}

ChunkStore::~ChunkStore() = default;

absl::Status ChunkStore::OpenDisks() {
  server_uuid_ = RandomHex(16);
  absl::Status first_error;
  size_t usable = 0;
  for (const std::string& dir : options_.dirs) {
    auto disk = Disk::Open({.path = dir,
                            .fs = options_.fs,
                            .open_index = options_.open_index,
                            .reserve_bytes = options_.reserve_bytes,
                            .new_server_uuid = server_uuid_,
                            .clock = options_.clock,
                            .patience = options_.disk_patience});
    devices_.push_back(DeviceOf(dir));
    if (!disk.ok()) {
      LogError("disk_unusable", {{"disk", dir}, {"error", disk.status()}});
      if (first_error.ok()) first_error = disk.status();
      disks_.push_back(Disk::Failed(dir, disk.status()));
      continue;
    }
    Disk* raw = disk->get();
    raw->set_on_failed([this, raw] { OnDiskFailed(raw); });
    disks_.push_back(*std::move(disk));
    ++usable;
  }
  return usable == 0 ? first_error : absl::OkStatus();
}

absl::Status ChunkStore::AgreeOnIdentity() {
  // Disks that were formatted just now carry the fresh uuid and give way to older ones.
  const std::string fresh = server_uuid_;
  std::vector<std::pair<Disk*, DiskIdentity>> identities;
  for (const auto& disk : disks_) {
    if (!disk->health().ok()) continue;
    ASSIGN_OR_RETURN(DiskIdentity identity, disk->LoadIdentity());
    if (identity.server_uuid != fresh) {
      if (server_uuid_ != fresh && server_uuid_ != identity.server_uuid) {
        return FailedPreconditionError(
            "disk {} belongs to server {}, another disk to server {}. Try: give each server only "
            "its "
            "own disks in --dir",
            disk->path(), identity.server_uuid, server_uuid_);
      }
      server_uuid_ = identity.server_uuid;
    }
    identities.emplace_back(disk.get(), std::move(identity));
  }
  for (const auto& [disk, identity] : identities) {
    std::string& known = seen_at_start_.cluster_id;
    if (!known.empty() && !identity.cluster_id.empty() && identity.cluster_id != known) {
      return FailedPreconditionError("disk {} belongs to cluster {}, another disk to cluster {}",
                                     disk->path(), identity.cluster_id, known);
    }
    if (known.empty()) known = identity.cluster_id;
    seen_at_start_.followed = OrderGuard::Newer(seen_at_start_.followed, identity.followed);
  }
  return absl::OkStatus();
}

absl::Status ChunkStore::SaveSeen(const OrderGuard::Seen& seen, WriteMode mode) {
  size_t saved = 0;
  absl::Status error = UnavailableError("no disk: all {} have failed", disks_.size());
  for (size_t i = 0; i < disks_.size(); ++i) {
    Disk* disk = disks_[i].get();
    if (!disk->health().ok()) continue;
    MutexLock one_at_a_time(&marks_[i]->writing);
    const absl::Status status = SaveSeenOn(disk, seen, mode);
    if (status.ok()) {
      marks_[i]->saved = seen;
      ++saved;
    } else {
      error = status;
    }
  }
  return saved > 0 ? absl::OkStatus() : error;
}

absl::Status ChunkStore::SaveSeenOn(Disk* disk, const OrderGuard::Seen& seen, WriteMode mode) {
  const Disk::Use use(disk);
  ASSIGN_OR_RETURN(DiskIdentity identity, disk->LoadIdentity());
  identity.server_uuid = server_uuid_;
  identity.cluster_id = seen.cluster_id;
  identity.followed = seen.followed;
  return disk->SaveIdentity(identity, mode);
}

void ChunkStore::Follow(const OrderGuard::Seen& seen) {
  MutexLock lock(&follow_mutex_);
  followed_ = seen;
}

absl::Status ChunkStore::SaveMark(size_t disk) {
  RETURN_IF_ERROR(disks_[disk]->health());
  Mark& mark = *marks_[disk];
  MutexLock one_at_a_time(&mark.writing);
  OrderGuard::Seen seen;
  {
    MutexLock lock(&follow_mutex_);
    seen = followed_;
  }
  if (mark.saved == seen) return absl::OkStatus();
  RETURN_IF_ERROR(SaveSeenOn(disks_[disk].get(), seen, WriteMode::kUnsynced));
  mark.saved = std::move(seen);
  return absl::OkStatus();
}

absl::Status ChunkStore::LoadReplicas(Disk* disk) {
  return disk->index().ForEachReplica([&](const ReplicaRecord& record) -> absl::Status {
    const absl::Status status = LoadReplica(disk, record);
    if (!absl::IsDataLoss(status) || !disk->health().ok()) return status;
    // A bad sector below one replica costs this one alone. It is not cut and has no vote, and
    // whoever asks hears that it is not lost.
    LogError("replica_not_restored",
             {{"chunk", record.spec.chunk}, {"disk", disk->path()}, {"status", status}});
    MutexLock lock(&mutex_);
    unrestored_[record.spec.chunk] = status;
    return absl::OkStatus();
  });
}

absl::Status ChunkStore::LoadReplica(Disk* disk, const ReplicaRecord& record) {
  if (record.state == ReplicaState::kRemoved) {
    Replica::FinishRemoval(disk, record.spec.chunk);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::shared_ptr<Replica> replica,
                   Replica::Restore(EnvironmentOf(disk), record, options_.boot_id));
  std::shared_ptr<Replica> extra;
  {
    MutexLock lock(&mutex_);
    auto& slot = replicas_[record.spec.chunk];
    // Two disks have it when a crash came between a copy and the removal of what it replaces.
    const bool better = slot == nullptr || slot->facts().report.state != ReplicaState::kFinalized;
    extra = better ? slot : replica;
    if (better) slot = replica;
  }
  return extra == nullptr ? absl::OkStatus() : extra->Remove();
}

void ChunkStore::OnDiskFailed(const Disk* disk) {
  for (const std::shared_ptr<Replica>& replica : List()) {
    if (&replica->disk() == disk) replica->ReportGone();
  }
}

Replica::Environment ChunkStore::EnvironmentOf(Disk* disk) {
  return {.disk = disk, .inventory = &inventory_, .clock = options_.clock};
}

absl::Status ChunkStore::UseDiskWithRoom(std::optional<size_t> preferred, uint64_t bytes,
                                         const std::function<absl::Status(Disk*)>& use) {
  std::vector<DiskRoom> rooms;
  for (const auto& disk : disks_) rooms.push_back(disk->Room());
  std::optional<size_t> next = preferred;
  absl::Status first_error;
  while (true) {
    const absl::StatusOr<size_t> chosen =
        next ? absl::StatusOr<size_t>(*next) : ChooseDisk(rooms, bytes);
    if (!chosen.ok()) return first_error.ok() ? chosen.status() : first_error;
    next.reset();
    absl::Status status = SaveMark(*chosen);
    if (status.ok()) status = use(disks_[*chosen].get());
    if (status.ok()) return status;
    if (first_error.ok()) first_error = status;
    rooms[*chosen].failed = true;  // for this time
  }
}

absl::StatusOr<size_t> ChunkStore::DiskWithRoom(uint64_t bytes) const {
  std::vector<DiskRoom> rooms;
  for (const auto& disk : disks_) rooms.push_back(disk->Room());
  return ChooseDisk(rooms, bytes);
}

absl::StatusOr<size_t> ChunkStore::DiskOf(ChunkId chunk) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  const auto found = std::ranges::find(disks_, &replica->disk(),
                                       [](const auto& disk) -> const Disk* { return disk.get(); });
  return static_cast<size_t>(found - disks_.begin());
}

absl::StatusOr<ChunkStore::Room> ChunkStore::ClaimRoom(uint64_t bytes) {
  ASSIGN_OR_RETURN(const size_t chosen, DiskWithRoom(bytes));
  Disk* disk = disks_[chosen].get();
  const auto planned = static_cast<int64_t>(bytes);
  disk->Plan(planned);
  return Room{.disk = chosen,
              .claim = std::shared_ptr<void>(
                  nullptr, [disk, planned](std::nullptr_t) { disk->Plan(-planned); })};
}

void ChunkStore::LookAtSpace(size_t disk) {
  if (disks_[disk]->health().ok()) disks_[disk]->LookAtSpace();
}

absl::Status ChunkStore::Create(ReplicaSpec spec, std::optional<size_t> preferred) {
  const ChunkId chunk = spec.chunk;
  spec.boot_id = options_.boot_id;
  if (const auto existing = Find(chunk); existing.ok()) {
    return AlreadyExistsError("chunk {}: is here and {}", chunk,
                              StateName((*existing)->facts().report.state));
  }
  std::shared_ptr<Replica> replica;
  RETURN_IF_ERROR(UseDiskWithRoom(preferred, spec.capacity_bytes, [&](Disk* disk) -> absl::Status {
    ASSIGN_OR_RETURN(replica, Replica::Create(EnvironmentOf(disk), spec));
    return absl::OkStatus();
  }));
  MutexLock lock(&mutex_);
  replicas_[chunk] = std::move(replica);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Replica>> ChunkStore::Find(ChunkId chunk) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(chunk);
  if (found != replicas_.end()) return found->second;
  const auto unrestored = unrestored_.find(chunk);
  if (unrestored == unrestored_.end()) return NotFoundError("chunk {}: not here", chunk);
  return UnavailableError("chunk {}: could not be read when this server started: {}", chunk,
                          Message(unrestored->second));
}

absl::StatusOr<Verification> ChunkStore::Verify(ChunkId chunk, const VerifyOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  return VerifyReplica(replica, options);
}

absl::Status ChunkStore::Remove(ChunkId chunk) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  RETURN_IF_ERROR(replica->Remove());
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(chunk);
  if (found != replicas_.end() && found->second == replica) replicas_.erase(found);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<IncomingCopy>> ChunkStore::BeginCopy(
    ChunkId chunk, uint64_t length, std::optional<size_t> preferred) {
  if (const auto existing = Find(chunk); existing.ok()) {
    const Replica::Facts facts = (*existing)->facts();
    if (facts.report.state == ReplicaState::kOpen) {
      return FailedPreconditionError("chunk {}: is open here", chunk);
    }
    // Another history of the cluster made that one: it is not for a copy to take away.
    if (facts.report.state == ReplicaState::kFinalized && facts.report.length != length) {
      return AlreadyExistsError("chunk {}: is sealed here with {} bytes, not {}", chunk,
                                facts.report.length, length);
    }
  }
  std::unique_ptr<IncomingCopy> copy;
  RETURN_IF_ERROR(UseDiskWithRoom(preferred, length, [&](Disk* disk) -> absl::Status {
    ASSIGN_OR_RETURN(copy, IncomingCopy::Begin(disk, chunk, length));
    return absl::OkStatus();
  }));
  return copy;
}

absl::StatusOr<ReplicaReport> ChunkStore::FinishCopy(std::unique_ptr<IncomingCopy> copy,
                                                     uint64_t length, uint32_t crc) {
  const ChunkId chunk = copy->chunk();
  std::shared_ptr<Replica> old;
  if (const auto existing = Find(chunk); existing.ok()) old = *existing;
  ReplicaRecord record;
  const auto publish = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(record, copy->Finish(length, crc));
    return absl::OkStatus();
  };
  if (old != nullptr && &old->disk() == copy->disk()) {
    RETURN_IF_ERROR(old->ReplaceWith(publish));
  } else {
    RETURN_IF_ERROR(publish());
    if (old != nullptr && old->disk().Usable().ok()) RETURN_IF_ERROR(old->Remove());
  }
  auto replica = Replica::Adopt(EnvironmentOf(copy->disk()), record);
  MutexLock lock(&mutex_);
  replicas_[chunk] = replica;
  return replica->facts().report;
}

std::vector<std::shared_ptr<Replica>> ChunkStore::List() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Replica>> list;
  list.reserve(replicas_.size());
  for (const auto& [chunk, replica] : replicas_) list.push_back(replica);
  return list;
}

size_t ChunkStore::size() const {
  MutexLock lock(&mutex_);
  return replicas_.size();
}

std::vector<DiskStatus> ChunkStore::Disks() const {
  std::vector<DiskStatus> list;
  for (const auto& disk : disks_) {
    const DiskRoom room = disk->Room();
    const uint64_t free =
        room.free_bytes > room.reserve_bytes ? room.free_bytes - room.reserve_bytes : 0;
    list.push_back({.path = disk->path(),
                    .capacity_bytes = disk->capacity_bytes(),
                    .free_bytes = free,
                    .used_bytes = disk->used_bytes(),
                    .device = devices_[list.size()],
                    .health = disk->health(),
                    .answers = disk->Answers()});
  }
  return list;
}

}  // namespace quern::chunkserver
