#include "chunkserver/store/inventory.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <vector>

namespace quern::chunkserver {
namespace {

// A small file is made, latched and finalized between two messages.
void DropOutdated(std::vector<ReplicaReport>* changes) {
  absl::flat_hash_set<ChunkId> later;
  std::vector<bool> outdated(changes->size());
  for (size_t i = changes->size(); i-- > 0;) {
    const ReplicaReport& change = (*changes)[i];
    outdated[i] = !later.insert(change.chunk).second && change.state != ReplicaState::kRemoved;
  }
  size_t i = 0;
  std::erase_if(*changes, [&](const ReplicaReport&) { return outdated[i++]; });
}

}  // namespace

void Inventory::Account(const ReplicaReport& report, int64_t sign) {
  if (report.state == ReplicaState::kRemoved) return;
  const auto state = static_cast<uint32_t>(report.state);
  digests_[InventoryBucket(report.chunk)] ^=
      InventoryHash(report.chunk, state, report.length, report.crc);
  counts_[state] += sign;
}

void Inventory::Changed(const std::optional<ReplicaReport>& before, const ReplicaReport& after) {
  MutexLock lock(&mutex_);
  if (before) Account(*before, -1);
  Account(after, +1);
  Tell(after);
}

void Inventory::Dropped(const ReplicaReport& report) {
  MutexLock lock(&mutex_);
  Account(report, -1);
}

void Inventory::Tell(const ReplicaReport& report) {
  if (on_change_ == nullptr || overflowed_) return;
  changes_.push_back(report);
  if (changes_.size() > max_changes_) {
    overflowed_ = true;
    changes_.clear();
  }
  const bool may_wait =
      report.state == ReplicaState::kOpen || report.state == ReplicaState::kFenced;
  if (may_wait && !overflowed_) return;
  pressing_ = true;
  on_change_();
}

InventoryDigests Inventory::StartSession(std::function<void()> on_change) {
  MutexLock lock(&mutex_);
  changes_.clear();
  overflowed_ = false;
  pressing_ = false;
  on_change_ = std::move(on_change);
  return digests_;
}

void Inventory::EndSession() {
  MutexLock lock(&mutex_);
  on_change_ = nullptr;
  changes_.clear();
}

void Inventory::Remind(const ReplicaReport& report) {
  MutexLock lock(&mutex_);
  Tell(report);
}

bool Inventory::pressing() const {
  MutexLock lock(&mutex_);
  return pressing_;
}

absl::StatusOr<std::vector<ReplicaReport>> Inventory::TakeChanges(size_t limit) {
  MutexLock lock(&mutex_);
  if (overflowed_) {
    return ResourceExhaustedError("the master takes nothing: more than {} changes wait for it",
                                  max_changes_);
  }
  const auto end = changes_.begin() + static_cast<ptrdiff_t>(std::min(limit, changes_.size()));
  std::vector<ReplicaReport> taken(changes_.begin(), end);
  changes_.erase(changes_.begin(), end);
  if (changes_.empty()) pressing_ = false;
  DropOutdated(&taken);
  return taken;
}

std::optional<InventoryDigests> Inventory::DigestsWhenTold() const {
  MutexLock lock(&mutex_);
  if (overflowed_ || !changes_.empty()) return std::nullopt;
  return digests_;
}

uint64_t Inventory::Count(ReplicaState state) const {
  MutexLock lock(&mutex_);
  return static_cast<uint64_t>(counts_[static_cast<size_t>(state)]);
}

}  // namespace quern::chunkserver
