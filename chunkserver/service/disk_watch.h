// Tries the disks that are away again, every now and then: one that is mounted later, or was full,
// is taken in without a restart.
#pragma once

#include <absl/time/time.h>

#include "chunkserver/store/chunk_store.h"
#include "common/mutex.h"
#include "common/thread.h"

namespace quern::chunkserver {

class DiskWatch {
 public:
  DiskWatch(ChunkStore* store, absl::Duration every);
  ~DiskWatch();

 private:
  void Run();

  ChunkStore& store_;
  const absl::Duration every_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace quern::chunkserver
