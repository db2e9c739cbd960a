#include "chunkserver/store/chunk_store.h"

#include <algorithm>

#include "common/log.h"

namespace quern::chunkserver {

std::string BootId() {
  auto id = ReadFileToString(FileSystem::Real(), "/proc/sys/kernel/random/boot_id");
  if (!id.ok()) return "";
  while (!id->empty() && id->back() == '\n') id->pop_back();
  return *std::move(id);
}

void ChunkStore::OnDiskFailed(const Disk* disk) {
  for (const std::shared_ptr<Replica>& replica : OnDisk(disk)) replica->ReportGone();
}

ChunkStore::Replicas ChunkStore::OnDisk(const Disk* disk) const {
  Replicas replicas = List();
  std::erase_if(replicas, [disk](const auto& replica) { return &replica->disk() != disk; });
  return replicas;
}

void ChunkStore::WatchSilence() {
  for (const auto& disk : disks_->disks()) {
    if (!disk->NoteSilence()) continue;
    const Replicas replicas = OnDisk(disk.get());
    LogWarning(disk->silent() ? "disk_silent" : "disk_answers_again",
               {{"disk", disk->path()}, {"replicas", replicas.size()}});
    for (const std::shared_ptr<Replica>& replica : replicas) {
      disk->silent() ? replica->ReportGone() : replica->Announce();
    }
  }
}

Replica::Environment ChunkStore::EnvironmentOf(Disk* disk) {
  return {.disk = disk, .inventory = &inventory_, .clock = options_.clock};
}

absl::Status ChunkStore::UseDiskWithRoom(std::optional<size_t> preferred, uint64_t bytes,
                                         const std::function<absl::Status(Disk*)>& use) {
  std::vector<DiskRoom> rooms;
  for (const auto& disk : disks_->disks()) rooms.push_back(disk->Room());
  bool as_preferred = preferred.has_value();
  absl::Status first_error;
  while (true) {
    const absl::StatusOr<size_t> chosen =
        as_preferred ? absl::StatusOr<size_t>(preferred.value_or(0)) : ChooseDisk(rooms, bytes);
    if (!chosen.ok()) return first_error.ok() ? chosen.status() : first_error;
    as_preferred = false;
    absl::Status status = disks_->SaveMark(*chosen);
    if (status.ok()) status = use(disks_->disks()[*chosen].get());
    if (status.ok()) return status;
    if (first_error.ok()) first_error = status;
    rooms[*chosen].failed = true;  // for this time
  }
}

absl::StatusOr<size_t> ChunkStore::DiskWithRoom(uint64_t bytes) const {
  std::vector<DiskRoom> rooms;
  for (const auto& disk : disks_->disks()) rooms.push_back(disk->Room());
  return ChooseDisk(rooms, bytes);
}

absl::StatusOr<size_t> ChunkStore::DiskOf(ChunkId chunk) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  return disks_->IndexOf(&replica->disk());
}

absl::StatusOr<ChunkStore::Room> ChunkStore::ClaimRoom(uint64_t bytes) {
  ASSIGN_OR_RETURN(const size_t chosen, DiskWithRoom(bytes));
  Disk* disk = disks_->disks()[chosen].get();
  const auto planned = static_cast<int64_t>(bytes);
  disk->Plan(planned);
  return Room{.disk = chosen,
              .claim = std::shared_ptr<void>(
                  nullptr, [disk, planned](std::nullptr_t) { disk->Plan(-planned); })};
}

void ChunkStore::LookAtSpace(size_t disk) {
  Disk* looked_at = disks_->disks()[disk].get();
  if (looked_at->health().ok()) looked_at->LookAtSpace();
}

absl::Status ChunkStore::Create(ReplicaSpec spec, std::optional<size_t> preferred) {
  const ChunkId chunk = spec.chunk;
  spec.boot_id = options_.boot_id;
  if (const auto existing = Find(chunk); existing.ok()) {
    return AlreadyExistsError("chunk {}: is here and {}", chunk,
                              StateName((*existing)->facts().report.state));
  }
  if (LiesUnserved(chunk)) {
    return AlreadyExistsError("chunk {}: is on a disk here, though it is not served at present",
                              chunk);
  }
  std::shared_ptr<Replica> replica;
  RETURN_IF_ERROR(UseDiskWithRoom(preferred, spec.capacity_bytes, [&](Disk* disk) -> absl::Status {
    ASSIGN_OR_RETURN(replica, Replica::Create(EnvironmentOf(disk), spec));
    return absl::OkStatus();
  }));
  {
    MutexLock lock(&mutex_);
    replicas_[chunk] = replica;
  }
  replica->Announce();
  return absl::OkStatus();
}

bool ChunkStore::LiesUnserved(ChunkId chunk) const {
  MutexLock lock(&mutex_);
  const auto unrestored = unrestored_.lower_bound({chunk, nullptr});
  if (unrestored != unrestored_.end() && unrestored->first.first == chunk) return true;
  for (const auto& disk : disks_->disks()) {
    if (replaced_.contains({disk.get(), chunk})) return true;
  }
  return false;
}

absl::StatusOr<std::shared_ptr<Replica>> ChunkStore::Find(ChunkId chunk) const {
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(chunk);
  if (found != replicas_.end()) return found->second;
  const auto unrestored = unrestored_.lower_bound({chunk, nullptr});
  if (unrestored != unrestored_.end() && unrestored->first.first == chunk) {
    return UnavailableError("chunk {}: could not be taken from disk {} when that was opened: {}",
                            chunk, unrestored->second->disk->path(),
                            Message(unrestored->second->why));
  }
  // On a disk that is missing it is not lost.
  RETURN_IF_ERROR(Annotate(disks_->CheckWhole(),
                           fmt::format("chunk {}: is on none of the other disks", chunk)));
  return NotFoundError("chunk {}: not here", chunk);
}

absl::StatusOr<std::shared_ptr<Replica>> ChunkStore::FindToRead(
    ChunkId chunk, const std::optional<SealedAs>& sealed) const {
  ASSIGN_OR_RETURN(std::shared_ptr<Replica> served, Find(chunk));
  if (!sealed.has_value()) return served;
  const auto is_sealed_so = [&](const Replica& replica, bool also_latched) {
    const ReplicaReport report = replica.facts().report;
    const bool fits = report.length == sealed->length && report.crc == sealed->crc;
    return fits && (report.state == ReplicaState::kFinalized ||
                    (also_latched && report.state == ReplicaState::kFenced));
  };
  if (is_sealed_so(*served, /*also_latched=*/true)) return served;
  MutexLock lock(&mutex_);
  for (auto aside = unrestored_.lower_bound({chunk, nullptr});
       aside != unrestored_.end() && aside->first.first == chunk; ++aside) {
    const std::shared_ptr<Replica>& replica = aside->second->replica;
    if (replica == nullptr || !is_sealed_so(*replica, /*also_latched=*/false)) continue;
    if (replica->Readable(sealed).ok()) return replica;
  }
  return served;
}

absl::StatusOr<Verification> ChunkStore::Verify(ChunkId chunk, const VerifyOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  return VerifyReplica(replica, options);
}

absl::Status ChunkStore::Remove(ChunkId chunk, std::optional<size_t> disk) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Replica> replica, Find(chunk));
  const size_t at = disks_->IndexOf(&replica->disk());
  if (disk.value_or(at) != at) {
    return FailedPreconditionError(
        "chunk {}: the replica that was to go is not served any more, but one on {}", chunk,
        replica->disk().path());
  }
  RETURN_IF_ERROR(replica->Remove());
  MutexLock lock(&mutex_);
  const auto found = replicas_.find(chunk);
  if (found != replicas_.end() && found->second == replica) replicas_.erase(found);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<IncomingCopy>> ChunkStore::BeginCopy(
    ChunkId chunk, const SealedAs& sealed, std::optional<size_t> preferred) {
  // One on a disk that is not usable stays there, whatever it is, and the copy takes its place
  // here.
  if (const auto existing = Find(chunk); existing.ok() && (*existing)->disk().Usable().ok()) {
    const Replica::Facts facts = (*existing)->facts();
    if (facts.report.state == ReplicaState::kOpen) {
      return FailedPreconditionError("chunk {}: is open here", chunk);
    }
    // Another history of the cluster made that one: it is not for a copy to take away.
    const SealedAs here{.length = facts.report.length, .crc = facts.report.crc};
    if (facts.report.state == ReplicaState::kFinalized && here != sealed) {
      return AlreadyExistsError(
          "chunk {}: is sealed here with {} bytes (crc {:08x}), not {} (crc {:08x})", chunk,
          here.length, here.crc, sealed.length, sealed.crc);
    }
  }
  std::unique_ptr<IncomingCopy> copy;
  RETURN_IF_ERROR(UseDiskWithRoom(preferred, sealed.length, [&](Disk* disk) -> absl::Status {
    ASSIGN_OR_RETURN(copy, IncomingCopy::Begin(disk, chunk, sealed.length));
    return absl::OkStatus();
  }));
  return copy;
}

absl::StatusOr<ReplicaReport> ChunkStore::FinishCopy(std::unique_ptr<IncomingCopy> copy,
                                                     uint64_t length, uint32_t crc) {
  const ChunkId chunk = copy->chunk();
  UnrestoredPtr unrestored;
  std::optional<Turns::Turn> turn;  // nobody restores what the copy takes the place of
  // What lies at the place of the copy, and what is served.
  Present present;
  do {
    turn.reset();
    unrestored = FindUnrestored(chunk, copy->disk());
    if (unrestored != nullptr) turn.emplace(&unrestored->turns);
    present = FindAll(chunk, copy->disk());
  } while (present.unrestored != unrestored);
  const std::shared_ptr<Replica> old = present.served;
  std::shared_ptr<Replica> in_place = present.on_disk;
  if (in_place == nullptr && unrestored != nullptr) in_place = unrestored->replica;
  ReplicaRecord record;
  const auto publish = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(record, copy->Finish(length, crc));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(in_place != nullptr ? in_place->ReplaceWith(publish) : publish());
  const std::shared_ptr<Replica> replica = Replica::Adopt(EnvironmentOf(copy->disk()), record);
  replica->Judged();  // it was ordered
  std::shared_ptr<Replica> newcomer = replica;
  std::shared_ptr<void> let_go[2];  // behind the lock
  {
    MutexLock lock(&mutex_);
    newcomer.swap(replicas_[chunk]);
    // One on another disk is a second replica, if it can be read one day. Here what was served may
    // have been set aside meanwhile.
    let_go[0] = TakeUnrestored(copy->disk(), chunk);
    let_go[1] = TakeReplaced(copy->disk(), chunk);
  }
  // Its disk has come back meanwhile. What is on that of the copy shares the row with it.
  if (newcomer == old || newcomer == nullptr || &newcomer->disk() == copy->disk()) {
    newcomer.reset();
  }
  // They are on other disks, which a copy to this one does not wait for.
  if (old != nullptr && old != in_place) PutOff(old);
  if (newcomer != nullptr) PutOff(newcomer);
  // Last, so that the master hears of what is here after what went.
  replica->Announce();
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
  std::vector<std::string> devices;
  {
    MutexLock lock(&mutex_);
    devices = devices_;
  }
  std::vector<DiskStatus> list;
  for (const auto& disk : disks_->disks()) {
    const DiskRoom room = disk->Room();
    const uint64_t free =
        room.free_bytes > room.reserve_bytes ? room.free_bytes - room.reserve_bytes : 0;
    list.push_back({.path = disk->path(),
                    .uuid = disk->uuid(),
                    .capacity_bytes = disk->capacity_bytes(),
                    .free_bytes = free,
                    .used_bytes = disk->used_bytes(),
                    .device = devices[list.size()],
                    .health = disk->health(),
                    .answers = disk->Answers(),
                    .elsewhere = disks_->IsElsewhere(list.size())});
  }
  return list;
}

}  // namespace quern::chunkserver
