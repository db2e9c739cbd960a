// How disks and their replicas become part of the store, at its start and later.
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "chunkserver/store/chunk_store.h"
#include "chunkserver/store/orphans.h"
#include "chunkserver/store/rocks_replica_index.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

std::string DeviceOf(const std::string& path) {
  static const auto* const kBoot = new std::string(BootId());
  struct stat info = {};
  if (kBoot->empty() || stat(path.c_str(), &info) != 0) return "";
  return fmt::format("{}:{}", *kBoot, info.st_dev);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkStore>> ChunkStore::Open(ChunkStoreOptions options) {
  if (options.dirs.empty()) return InvalidArgumentError("--dir: at least one directory is needed");
  if (options.open_index == nullptr) {
    options.open_index = [](const std::string& path, bool create) {
      return RocksReplicaIndex::Open({.path = path, .create = create});
    };
  }
  auto store = std::unique_ptr<ChunkStore>(new ChunkStore(std::move(options)));
  const absl::Status opened = store->OpenDisks();
  if (opened.ok()) return store;
  // Before anybody waits for a disk.
  LogError("store_not_opened", {{"error", opened}});
  if (!store->MayGo()) Keep(std::move(store));
  return opened;
}

bool ChunkStore::MayGo() { return disks_ == nullptr || disks_->threads().Await(); }

ChunkStore::~ChunkStore() {
  if (disks_ != nullptr) disks_->threads().Join();  // they use the rest
}

absl::Status ChunkStore::OpenDisks() {
  disks_ = std::make_unique<DiskSet>(
      DiskSet::Options{.dirs = options_.dirs,
                       .forget_disks = options_.forget_disks,
                       .reserve_bytes = options_.reserve_bytes,
                       .fs = options_.fs,
                       .open_index = options_.open_index,
                       .clock = options_.clock,
                       .disk_patience = options_.disk_patience,
                       .disk_silence = options_.disk_silence,
                       .on_failed = [this](const Disk* disk) { OnDiskFailed(disk); }});
  RETURN_IF_ERROR(disks_->Open());
  {
    MutexLock lock(&mutex_);
    devices_.resize(disks_->disks().size());
  }
  const std::vector<Disk*>& opened = disks_->opened();
  // The thread that opened it may have yet to end.
  for (Disk* disk : opened) disks_->threads().BeginNext(disk, [this, disk] { Load(disk); });
  const auto ready = [](const Disk* disk) { return disk->health().ok(); };
  disks_->threads().Await([&] { return std::ranges::any_of(opened, ready); }, kDiskStartPatience);
  return std::ranges::any_of(opened, ready) ? absl::OkStatus() : opened.front()->health();
}

void ChunkStore::Unusable(Disk* disk, const absl::Status& why) {
  if (disk->failed()) return;  // which was said
  LogError("disk_unusable", {{"disk", disk->path()}, {"error", why}});
  const Disk::Use use(disk);
  disk->SetAway(Annotate(why, fmt::format("disk {}", disk->path())), absl::IsDataLoss(why));
}

void ChunkStore::ReopenDisks() {
  for (const auto& each : disks_->disks()) {
    Disk* disk = each.get();
    if (!disk->may_return() && UnrestoredOn(disk).empty()) continue;
    disks_->threads().Begin(disk, [this, disk] { TryAgain(disk); });
  }
  disks_->threads().Await();
}

void ChunkStore::TryAgain(Disk* disk) {
  if (!disk->may_return()) return RestoreAgain(disk);
  if (!disks_->Reopen(disk)) return;
  if (Load(disk)) LogInfo("disk_returned", {{"disk", disk->path()}});
}

std::vector<ChunkStore::UnrestoredPtr> ChunkStore::UnrestoredOn(const Disk* disk) const {
  std::vector<UnrestoredPtr> there;
  MutexLock lock(&mutex_);
  for (const auto& [at, unrestored] : unrestored_) {
    if (at.second == disk) there.push_back(unrestored);
  }
  return there;
}

ChunkStore::UnrestoredPtr ChunkStore::FindUnrestored(ChunkId chunk, const Disk* disk) const {
  MutexLock lock(&mutex_);
  const auto found = unrestored_.find({chunk, disk});
  return found != unrestored_.end() ? found->second : nullptr;
}

ChunkStore::UnrestoredPtr ChunkStore::TakeUnrestored(const Disk* disk, ChunkId chunk) {
  auto taken = unrestored_.extract({chunk, disk});
  return taken.empty() ? nullptr : std::move(taken.mapped());
}

void ChunkStore::RestoreAgain(Disk* disk) {
  for (const UnrestoredPtr& unrestored : UnrestoredOn(disk)) {
    if (!disk->Usable().ok()) return;
    const ChunkId chunk = unrestored->record.spec.chunk;
    const Turns::Turn turn(&unrestored->turns);
    if (FindUnrestored(chunk, disk) != unrestored) continue;  // a copy has taken its place
    Replica* const aside = unrestored->replica.get();
    if (aside != nullptr && MustWait(*aside) && !SealAsOther(aside)) continue;
    if (const absl::Time now = options_.clock->MonotonicNow(); now < unrestored->next_try) {
      continue;
    }
    if (!RestoreOne(unrestored.get()).ok()) {  // as before: it was said then
      // From its end: it may have taken long.
      unrestored->next_try = options_.clock->MonotonicNow() + unrestored->pause;
      unrestored->pause = std::min(2 * unrestored->pause, kLastRestorePause);
      continue;
    }
    if (FindUnrestored(chunk, disk) == unrestored) continue;
    LogInfo("replica_restored_late", {{"chunk", chunk}, {"disk", disk->path()}});
  }
}

bool ChunkStore::MustWait(const Replica& newcomer) const {
  MutexLock lock(&mutex_);
  const auto here = replicas_.find(newcomer.chunk());
  if (here == replicas_.end()) return false;
  const Rival rivals[] = {newcomer.AsRival(), here->second->AsRival()};
  return CompareRivals(rivals[0], rivals[1]) == std::partial_ordering::unordered &&
         !GoesFirst(rivals[0], rivals[1]);
}

bool ChunkStore::SealAsOther(Replica* newcomer) {
  const absl::StatusOr<std::shared_ptr<Replica>> other = Find(newcomer->chunk());
  if (!other.ok()) return false;
  const Replica::Facts facts = (*other)->facts();
  const ReplicaReport& report = facts.report;
  if (!facts.sealed || report.state != ReplicaState::kCorrupt) return false;
  if (newcomer->facts().report.state != ReplicaState::kFenced) return false;
  // First: with other bytes it is to stay what it is.
  const auto crc = newcomer->CrcAt(report.length);
  if (!crc.ok() || *crc != report.crc) return false;
  const auto sealed = newcomer->Finalize(report.length, report.crc);
  return sealed.ok() && sealed->state == ReplicaState::kFinalized;
}

void ChunkStore::SetAside(const std::shared_ptr<Replica>& replica) {
  // With the lock held: nobody serves it again before it is retired.
  replica->Retire();
  Disk* disk = disks_->disks()[disks_->IndexOf(&replica->disk())].get();
  UnrestoredPtr& entry = unrestored_[{replica->chunk(), disk}];
  if (entry != nullptr && entry->replica == replica) return;
  const ReplicaRecord record = replica->record();
  LogWarning(
      "replica_set_aside",
      {{"chunk", replica->chunk()}, {"disk", disk->path()}, {"state", StateName(record.state)}});
  entry = std::make_shared<Unrestored>(
      disk, record, UnavailableError("another disk has one, and neither is to go for the other"));
  entry->replica = replica;
}

absl::Status ChunkStore::RestoreOne(Unrestored* unrestored) {
  Disk* disk = unrestored->disk;
  if (unrestored->replica == nullptr) {
    ASSIGN_OR_RETURN(std::shared_ptr<Replica> restored,
                     Replica::Restore(EnvironmentOf(disk), unrestored->record, options_.boot_id));
    MutexLock lock(&mutex_);
    unrestored->replica = std::move(restored);
  }
  // As in LoadDisk.
  RETURN_IF_ERROR(disks_->SaveOpened(disk));
  Publish(disk, {unrestored->replica});
  return absl::OkStatus();
}

bool ChunkStore::Load(Disk* disk) {
  {
    const Disk::Use use(disk);
    const std::string device = DeviceOf(disk->path());
    MutexLock lock(&mutex_);
    devices_[disks_->IndexOf(disk)] = device;
  }
  const absl::Status status = LoadDisk(disk);
  if (!status.ok()) Unusable(disk, status);
  return status.ok();
}

absl::Status ChunkStore::LoadDisk(Disk* disk) {
  ASSIGN_OR_RETURN(const Replicas replicas, RestoreReplicas(disk));
  // Makes every latch and cut of the restart durable before anything is served.
  RETURN_IF_ERROR(disks_->SaveOpened(disk));
  Publish(disk, replicas);
  return disk->health();
}

absl::StatusOr<ChunkStore::Replicas> ChunkStore::RestoreReplicas(Disk* disk) {
  Replicas replicas;
  absl::flat_hash_set<ChunkId> with_rows;
  {
    // All of them are looked at once more.
    const std::vector<UnrestoredPtr> let_go = UnrestoredOn(disk);  // behind the lock
    MutexLock lock(&mutex_);
    std::erase_if(unrestored_, [disk](const auto& entry) { return entry.first.second == disk; });
  }
  // Each step is an operation of the disk: one that has much to load does not hang.
  std::optional<Disk::Use> step(std::in_place, disk);
  const auto restore = [&](const ReplicaRecord& record) -> absl::Status {
    step.emplace(disk);
    const ChunkId chunk = record.spec.chunk;
    with_rows.insert(chunk);
    if (record.state == ReplicaState::kRemoved) {
      Replica::FinishRemoval(disk, chunk);
      return absl::OkStatus();
    }
    auto replica = Replica::Restore(EnvironmentOf(disk), record, options_.boot_id);
    if (replica.ok()) {
      replicas.push_back(*std::move(replica));
      return absl::OkStatus();
    }
    if (!absl::IsDataLoss(replica.status()) || disk->failed()) return replica.status();
    // A bad sector below one replica costs this one alone. It is not cut and has no vote, and
    // whoever asks hears that it is not lost.
    LogError("replica_not_restored",
             {{"chunk", chunk}, {"disk", disk->path()}, {"status", replica.status()}});
    MutexLock lock(&mutex_);
    unrestored_[{chunk, disk}] = std::make_shared<Unrestored>(disk, record, replica.status());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(disk->index().ForEachReplica(restore));
  step.reset();
  ASSIGN_OR_RETURN(const std::vector<ReplicaRecord> orphans,
                   AdoptOrphans(disk, with_rows, options_.clock));
  for (const ReplicaRecord& orphan : orphans) {
    replicas.push_back(Replica::Adopt(EnvironmentOf(disk), orphan));
  }
  return replicas;
}

std::shared_ptr<Replica> ChunkStore::Place(Disk* disk, const std::shared_ptr<Replica>& replica,
                                           std::vector<std::shared_ptr<void>>* let_go) {
  const auto served_here = replicas_.find(replica->chunk());
  const bool served_again = served_here != replicas_.end() && served_here->second == replica;
  const Rival newcomer = replica->AsRival();
  // Since it was set aside. One that is served is no rival of its own.
  if (served_again || newcomer.state == ReplicaState::kRemoved) {
    let_go->push_back(TakeUnrestored(disk, replica->chunk()));
    return nullptr;
  }
  std::shared_ptr<Replica>& slot = replicas_[replica->chunk()];
  auto worth = std::partial_ordering::greater;
  if (slot != nullptr) {
    const Rival served = slot->AsRival();
    worth = CompareRivals(newcomer, served);
    const bool unordered = worth == std::partial_ordering::unordered;
    if (unordered && !GoesFirst(newcomer, served)) {
      SetAside(replica);
      return nullptr;
    }
    if (unordered) SetAside(std::exchange(slot, nullptr));
  }
  let_go->push_back(TakeUnrestored(disk, replica->chunk()));
  if (slot != nullptr && !std::is_gt(worth)) return replica;
  replica->Readmit();
  return std::exchange(slot, replica);
}

void ChunkStore::Publish(Disk* disk, const Replicas& replicas) {
  absl::flat_hash_set<std::shared_ptr<Replica>> gone;
  std::vector<std::shared_ptr<void>> let_go;  // behind the lock: it may close files
  {
    MutexLock lock(&mutex_);
    for (const std::shared_ptr<Replica>& replica : replicas) {
      std::shared_ptr<Replica> worse = Place(disk, replica, &let_go);
      if (worse == nullptr) continue;
      let_go.push_back(AddReplaced(worse));
      // With the lock held: what was set aside is retired already, so whoever looks at it again may
      // have it served in a moment.
      worse->Retire();
      gone.insert(std::move(worse));
    }
  }
  // In the map first: what is not there is not here, as soon as the disk is ready.
  disk->MarkReady();
  // Last, so that the master hears of what is here after what went. Another disk may have come with
  // a better one meanwhile.
  for (const std::shared_ptr<Replica>& replica : replicas) {
    if (gone.contains(replica)) continue;
    const absl::StatusOr<std::shared_ptr<Replica>> here = Find(replica->chunk());
    if (here.ok() && *here == replica) replica->Announce();
  }
}

}  // namespace quern::chunkserver
