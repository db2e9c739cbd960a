// Replicas that others have taken the place of: when they go, and when they do not.
#include <tuple>
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

// Of two that nothing else is known of. Of two alike the one whose disk answers is worth more.
using Worth = std::tuple<int, uint64_t, bool>;
Worth WorthOf(const Replica& replica, const ReplicaReport& report) {
  if (replica.disk().failed()) return {0, 0, false};
  const bool unsealed =
      report.state == ReplicaState::kOpen || report.state == ReplicaState::kFenced;
  const int rank = report.state == ReplicaState::kFinalized ? 3 : unsealed ? 2 : 1;
  return {rank, report.length, replica.disk().Answers().ok()};
}

// Of what a master has not judged, or does not know of.
uint64_t JudgedAt(const Replica::Facts& facts) {
  return facts.report.state == ReplicaState::kFinalized ? facts.judged : 0;
}

// No chunk is sealed twice: two histories of the cluster have given out its id, and both may have
// their only copy here.
bool SealedDifferently(const Replica::Facts& one, const Replica::Facts& other) {
  const auto good = [](const Replica::Facts& facts) {
    return facts.sealed && (facts.report.state == ReplicaState::kFinalized ||
                            facts.report.state == ReplicaState::kQuarantined);
  };
  return good(one) && good(other) &&
         (one.report.length != other.report.length || one.report.crc != other.report.crc);
}

bool MadeByDifferentOrders(const Replica& one, const Replica& other) {
  const uint64_t tokens[] = {one.spec().create_token, other.spec().create_token};
  return tokens[0] != 0 && tokens[1] != 0 && tokens[0] != tokens[1];
}

// What was sealed may be the last good copy although it is not served at present, and so may what
// can still be sealed. A FINALIZED one outlives what missed its seal, but not what was made for a
// chunk that was given out later, or by another history.
bool MayBothBeNeeded(const Replica::Facts& sealed, const Replica::Facts& unsealed,
                     bool by_different_orders) {
  if (sealed.report.state != ReplicaState::kFinalized) return true;
  if (sealed.judged > 0) return false;
  const ReplicaState state = unsealed.report.state;
  const bool can_be_sealed = state == ReplicaState::kOpen || state == ReplicaState::kFenced;
  return can_be_sealed && (unsealed.made_now || by_different_orders);
}

}  // namespace

// Two disks have a chunk when a crash came between a copy and the removal of what it replaces, when
// a disk failed while a replica was made on it, or when one was away meanwhile.
std::partial_ordering ChunkStore::Compare(const Replica& one, const Replica& other) {
  const Replica::Facts first = one.facts();
  const Replica::Facts second = other.facts();
  const bool both_there = !one.disk().failed() && !other.disk().failed();
  if (both_there && SealedDifferently(first, second)) {
    const uint64_t judged[] = {JudgedAt(first), JudgedAt(second)};
    if (judged[0] == judged[1]) return std::partial_ordering::unordered;
    return judged[0] <=> judged[1];
  }
  if (both_there && first.sealed != second.sealed) {
    const bool unsure =
        MayBothBeNeeded(first.sealed ? first : second, first.sealed ? second : first,
                        MadeByDifferentOrders(one, other));
    if (unsure) return std::partial_ordering::unordered;
  }
  return WorthOf(one, first.report) <=> WorthOf(other, second.report);
}

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
  std::shared_ptr<Replica> let_go;  // behind the lock
  MutexLock lock(&mutex_);
  let_go = AddReplaced(replaced);
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
  const std::partial_ordering worth = Compare(*replaced, *place->second);
  if (worth == std::partial_ordering::unordered) return true;
  if (!std::is_gt(worth)) return false;
  other = std::exchange(place->second, replaced);
  let_go[0] = TakeReplaced(&replaced->disk(), replaced->chunk());
  let_go[1] = AddReplaced(other);
  // With the lock held: a copy may be about to take the place of both.
  other->Retire();
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
