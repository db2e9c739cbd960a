#include "chunkserver/service/disk_watch.h"

namespace quern::chunkserver {

DiskWatch::DiskWatch(ChunkStore* store, absl::Duration every)
    : store_(*store), every_(every), thread_("disks", [this] { Run(); }) {}

DiskWatch::~DiskWatch() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    stop_.SignalAll();
  }
  thread_.Join();
}

void DiskWatch::Run() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) stop_.WaitFor(&mutex_, every_);
      if (stopping_) return;
    }
    store_.ReopenDisks();
  }
}

}  // namespace quern::chunkserver
