// Replicas that others have taken the place of: when they go, and when they do not.
#include <utility>

#include "chunkserver/store/chunk_store.h"
#include "common/log.h"

namespace quern::chunkserver {
namespace {

// Each takes a few writes to the disk; whoever removes them has other things to do as well.
constexpr size_t kRemovalsAtOnce = 100;

bool IsGone(const Replica& replica) {
  return replica.facts().report.state == ReplicaState::kRemoved;
}

}  // namespace

std::shared_ptr<Replica> ChunkStore::AddReplaced(const std::shared_ptr<Replica>& replica) {
  if (replica->disk().failed()) return nullptr;
  return std::exchange(replaced_[{&replica->disk(), replica->chunk()}], replica);
}

std::shared_ptr<Replica> ChunkStore::TakeReplaced(const Disk* disk, ChunkId chunk) {
  const auto found = replaced_.find({disk, chunk});
  if (found == replaced_.end()) return nullptr;
  std::shared_ptr<Replica> taken = std::move(found->second);
  replaced_.erase(found);
  return taken;
}

void ChunkStore::PutOff(const std::shared_ptr<Replica>& replaced) {
  replaced->Retire();
  std::shared_ptr<void> let_go[2];  // behind the lock
  MutexLock lock(&mutex_);
  // It may have been set aside meanwhile, and is looked at in one place only.
  let_go[0] = TakeUnrestored(&replaced->disk(), replaced->chunk());
  let_go[1] = AddReplaced(replaced);
}

ChunkStore::Present ChunkStore::FindAll(ChunkId chunk, const Disk* disk) const {
  Present present;
  MutexLock lock(&mutex_);
  const auto served = replicas_.find(chunk);
  if (served != replicas_.end()) present.served = served->second;
  const auto replaced = replaced_.find({disk, chunk});
  if (replaced != replaced_.end()) present.on_disk = replaced->second;
  if (present.served != nullptr && &present.served->disk() == disk)
    present.on_disk = present.served;
  const auto unrestored = unrestored_.find({chunk, disk});
  if (unrestored != unrestored_.end()) present.unrestored = unrestored->second;
  return present;
}

std::optional<ChunkId> ChunkStore::RemoveReplaced(size_t disk, ChunkId from) {
  const Disk* const answers = disks_->disks()[disk].get();
  for (size_t i = 0; i < kRemovalsAtOnce; ++i) {
    if (!answers->Usable().ok()) return std::nullopt;
    std::shared_ptr<Replica> replaced;
    {
      MutexLock lock(&mutex_);
      const auto next = replaced_.lower_bound({answers, from});
      if (next == replaced_.end() || next->first.first != answers) return std::nullopt;
      replaced = next->second;
    }
    from = ChunkId(replaced->chunk().value() + 1);
    SealAsOther(replaced.get());
    if (!IsToStay(replaced)) RemoveOne(replaced);
  }
  return from;
}

bool ChunkStore::IsToStay(const std::shared_ptr<Replica>& replaced) {
  if (!replaced->retired()) return true;  // whoever put it there is about to retire it
  std::shared_ptr<Replica> other;
  std::shared_ptr<Replica> let_go[2];  // behind the lock, like the other one
  MutexLock lock(&mutex_);
  const auto place = replicas_.find(replaced->chunk());
  // That one has gone by order, and the order was meant for all.
  if (place == replicas_.end() || IsGone(*place->second)) return false;
  if (IsGone(*replaced)) return false;
  const Rival rivals[] = {replaced->AsRival(), place->second->AsRival()};
  const std::partial_ordering worth = CompareRivals(rivals[0], rivals[1]);
  const bool unordered = worth == std::partial_ordering::unordered;
  if (!unordered && !std::is_gt(worth)) return false;
  let_go[0] = TakeReplaced(&replaced->disk(), replaced->chunk());
  if (unordered && !GoesFirst(rivals[0], rivals[1])) {
    SetAside(replaced);
    return true;
  }
  other = std::exchange(place->second, replaced);
  // With the lock held: a copy may be about to take the place of both.
  if (unordered) {
    SetAside(other);
  } else {
    let_go[1] = AddReplaced(other);
    other->Retire();
  }
  replaced->Reinstate();
  LogWarning("replaced_replica_returned", {{"chunk", replaced->chunk()},
                                           {"disk", replaced->disk().path()},
                                           {"worse", other->disk().path()}});
  return true;
}

void ChunkStore::RemoveOne(const std::shared_ptr<Replica>& replaced) {
  const absl::Status status = replaced->Remove();
  // Of a disk that has failed it goes at the next start; else it is tried again.
  if (!status.ok() && replaced->disk().health().ok()) return;
  LogInfo("replaced_replica_removed",
          {{"chunk", replaced->chunk()}, {"disk", replaced->disk().path()}, {"status", status}});
  // Only now: a copy that comes back to this disk takes turns with it.
  MutexLock lock(&mutex_);
  const auto found = replaced_.find({&replaced->disk(), replaced->chunk()});
  if (found != replaced_.end() && found->second == replaced) replaced_.erase(found);
}

}  // namespace quern::chunkserver
