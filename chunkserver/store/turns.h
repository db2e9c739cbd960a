// Lets the operations that change one replica run one at a time, also across disk I/O, where a
// mutex is never held. Whoever comes meanwhile sleeps; order is not promised.
#pragma once

#include "chunkserver/store/disk.h"
#include "common/mutex.h"

namespace quern::chunkserver {

class Turns {
 public:
  // Every turn is an operation of this disk, from the wait for it on.
  explicit Turns(const Disk* disk) : disk_(disk) {}

  // Has its turn from construction to destruction.
  class Turn {
   public:
    explicit Turn(Turns* turns) : use_(turns->disk_), turns_(turns) {
      MutexLock lock(&turns_->mutex_);
      while (turns_->busy_) turns_->over_.Wait(&turns_->mutex_);
      turns_->busy_ = true;
    }
    ~Turn() {
      MutexLock lock(&turns_->mutex_);
      turns_->busy_ = false;
      turns_->over_.Signal();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    const Disk::Use use_;
    Turns* const turns_;
  };

 private:
  const Disk* const disk_;
  Mutex mutex_;
  CondVar over_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::chunkserver
