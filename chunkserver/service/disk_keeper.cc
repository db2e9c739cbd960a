#include "chunkserver/service/disk_keeper.h"

#include <fmt/format.h>

#include <optional>

namespace quern::chunkserver {

DiskKeeper::DiskKeeper(ChunkStore* store, absl::Duration interval)
    : store_(store), interval_(interval) {
  for (size_t disk = 0; disk < store_->disk_count(); ++disk) {
    threads_.emplace_back(fmt::format("disk-{}", disk), [this, disk] { Run(disk); });
  }
}

void DiskKeeper::Wake() {
  MutexLock lock(&mutex_);
  ++wakes_;
  changed_.SignalAll();
}

void DiskKeeper::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  threads_.clear();
}

void DiskKeeper::Run(size_t disk) {
  bool stopping = false;
  std::optional<ChunkId> remove_from;
  while (!stopping) {
    uint64_t wakes = 0;
    {
      MutexLock lock(&mutex_);
      wakes = wakes_;
    }
    store_->LookAtSpace(disk);
    // Its failure is the disk's, which Disk::Check has taken note of.
    store_->SaveMark(disk).IgnoreError();
    remove_from = store_->RemoveReplaced(disk, remove_from.value_or(ChunkId()));
    MutexLock lock(&mutex_);
    const bool done = wakes_ == wakes && !remove_from.has_value();
    if (done && !stopping_) changed_.WaitFor(&mutex_, interval_);
    stopping = stopping_;
  }
  store_->SaveMark(disk).IgnoreError();  // what came last
}

}  // namespace quern::chunkserver
