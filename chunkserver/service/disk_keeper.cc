#include "chunkserver/service/disk_keeper.h"

#include <fmt/format.h>

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
  while (!stopping) {
    uint64_t wakes = 0;
    {
      MutexLock lock(&mutex_);
      wakes = wakes_;
    }
    store_->LookAtSpace(disk);
    // Its failure is the disk's, which Disk::Check has taken note of.
    store_->SaveMark(disk).IgnoreError();
    store_->RemoveReplaced(disk);
    MutexLock lock(&mutex_);
    if (wakes_ == wakes && !stopping_) changed_.WaitFor(&mutex_, interval_);
    stopping = stopping_;
  }
  store_->SaveMark(disk).IgnoreError();  // what came last
}

}  // namespace quern::chunkserver
