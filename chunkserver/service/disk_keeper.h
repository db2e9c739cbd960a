// What has to be done with each disk now and then and nobody may wait for: looking how much space
// is left, writing down which master was followed, and removing what was replaced while the disk
// did not answer. One thread per disk, so that a disk that hangs holds up nothing but itself.
#pragma once

#include <absl/time/time.h>

#include <vector>

#include "chunkserver/store/chunk_store.h"
#include "common/mutex.h"
#include "common/thread.h"

namespace quern::chunkserver {

// Thread-safe.
class DiskKeeper {
 public:
  DiskKeeper(ChunkStore* store, absl::Duration interval);
  ~DiskKeeper() { Stop(); }

  // There is a new mark to write: not only at the next interval.
  void Wake();
  void Stop();

 private:
  void Run(size_t disk);

  ChunkStore* const store_;
  const absl::Duration interval_;
  Mutex mutex_;
  CondVar changed_;
  uint64_t wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace quern::chunkserver
