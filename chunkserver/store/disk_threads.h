// The threads in which disks are opened and loaded, one for each disk: one that hangs holds up
// nothing but itself.
#pragma once

#include <absl/time/time.h>

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "chunkserver/store/disk.h"
#include "common/mutex.h"
#include "common/thread.h"

namespace quern::chunkserver {

// Thread-safe.
class DiskThreads {
 public:
  // `look_every`: between two looks whether what is waited for hangs.
  explicit DiskThreads(absl::Duration look_every) : look_every_(look_every) {}
  ~DiskThreads() { Join(); }

  // Begins `work` with the disk; does nothing while the last one with this disk goes on.
  void Begin(const Disk* disk, std::function<void()> work);
  // The same, but once the last one has ended.
  void BeginNext(const Disk* disk, std::function<void()> work);
  // Waits until all have ended; as soon as `enough` says so (none: at once) not for disks that
  // hang, as Disk::Answers says, and have done so for longer than `patience`. True: all have ended.
  bool Await(const std::function<bool()>& enough = nullptr,
             absl::Duration patience = absl::ZeroDuration());
  // Waits for all, however long; nothing is begun any more.
  void Join();

 private:
  bool OthersHang(absl::Duration patience) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Busy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct Worker {
    bool busy = false;
    std::function<void()> next;
    Thread thread;
  };
  void Start(Worker* worker, std::function<void()> work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run(Worker* worker, std::function<void()> work);
  const absl::Duration look_every_;
  Mutex mutex_;
  CondVar ended_;
  std::map<const Disk*, Worker> workers_ ABSL_GUARDED_BY(mutex_);
};

// For what threads use that do not come back: it stays until the process ends.
template <typename T>
void Keep(std::unique_ptr<T> used) {
  struct Kept {
    Mutex mutex;
    std::vector<std::unique_ptr<T>> all ABSL_GUARDED_BY(mutex);
  };
  static auto* const kept = new Kept;
  MutexLock lock(&kept->mutex);
  kept->all.push_back(std::move(used));
}

}  // namespace quern::chunkserver
