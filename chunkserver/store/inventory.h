// What the master is told about the replicas here: digests when a session starts, then every
// change.
//
// Bounded: a master that takes so little that `max_changes` wait for it has its session ended; the
// digests of the next one say the same in little.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "chunkserver/logic/replica_types.h"
#include "common/inventory_digest.h"
#include "common/mutex.h"
#include "common/status.h"

namespace quern::chunkserver {

// Thread-safe.
class Inventory {
 public:
  // About 10 MB.
  static constexpr size_t kMaxChanges = 200'000;
  explicit Inventory(size_t max_changes = kMaxChanges) : max_changes_(max_changes) {}

  // A replica came (no `before`), changed, or went (`after` is REMOVED). `before` is what was told
  // of it last. Changes of one replica must come in their order.
  void Changed(const std::optional<ReplicaReport>& before, const ReplicaReport& after);

  // The digests of a replica that nobody told as gone and that nobody holds any more are taken
  // back. The master finds the difference when it compares (DigestsWhenTold).
  void Dropped(const ReplicaReport& report);

  // The digests as they are now; changes from here on are collected for TakeChanges, and
  // `on_change` is called after each pressing one (from any thread; it must not call back).
  InventoryDigests StartSession(std::function<void()> on_change);
  void EndSession();
  // Tells the master of a replica although nothing about it has changed.
  void Remind(const ReplicaReport& report);
  // Something has changed that the master should hear of at once. That a replica was made, or was
  // latched, is no such thing: whoever ordered that has an answer. It goes along with the next
  // heartbeat, and small files come by the thousand.
  bool pressing() const;
  // At most `limit` of the changes that were not taken yet, oldest first. Of a replica that has
  // changed several times the last one is enough, but that it was removed is told in any case.
  // ResourceExhausted once there were too many, until the next session starts.
  absl::StatusOr<std::vector<ReplicaReport>> TakeChanges(size_t limit);

  // The digests that all changes taken so far lead to; nothing while some are not taken yet.
  std::optional<InventoryDigests> DigestsWhenTold() const;

  // Number of replicas in a state.
  uint64_t Count(ReplicaState state) const;

 private:
  void Account(const ReplicaReport& report, int64_t sign) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void Tell(const ReplicaReport& report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_changes_;
  mutable Mutex mutex_;
  InventoryDigests digests_ ABSL_GUARDED_BY(mutex_) = {};
  std::array<int64_t, 8> counts_ ABSL_GUARDED_BY(mutex_) = {};  // by state
  std::deque<ReplicaReport> changes_ ABSL_GUARDED_BY(mutex_);
  bool overflowed_ ABSL_GUARDED_BY(mutex_) = false;
  bool pressing_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_change_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::chunkserver
