// When the writer of each open file was last heard of. In memory: after a restart every writer has
// the whole time again. Thread-safe.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <optional>
#include <vector>

#include "common/ids.h"
#include "common/mutex.h"

namespace quern::master {

class WriterTable {
 public:
  void Touch(InodeId inode, absl::Time now) {
    MutexLock lock(&mutex_);
    last_heard_[inode] = now;
  }
  std::optional<absl::Time> LastHeard(InodeId inode) const {
    MutexLock lock(&mutex_);
    const auto found = last_heard_.find(inode);
    return found == last_heard_.end() ? std::nullopt : std::optional(found->second);
  }
  // `open` are all files with a writer. Forgets the others; returns those not heard of since
  // `before`. One that was never heard of is taken to have spoken now.
  std::vector<InodeId> TakeSilent(const std::vector<InodeId>& open, absl::Time now,
                                  absl::Time before) {
    MutexLock lock(&mutex_);
    absl::flat_hash_map<InodeId, absl::Time> kept;
    std::vector<InodeId> silent;
    for (const InodeId inode : open) {
      const auto found = last_heard_.find(inode);
      const absl::Time heard = found == last_heard_.end() ? now : found->second;
      kept[inode] = heard;
      if (heard < before) silent.push_back(inode);
    }
    last_heard_ = std::move(kept);
    return silent;
  }

 private:
  mutable Mutex mutex_;
  absl::flat_hash_map<InodeId, absl::Time> last_heard_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace quern::master
