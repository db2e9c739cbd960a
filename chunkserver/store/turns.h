// Lets the operations that change one object run one at a time, also across disk I/O, where a mutex
// is never held. Whoever comes meanwhile sleeps; order is not promised.
#pragma once

#include "common/mutex.h"

namespace quern::chunkserver {

class Turns {
 public:
  // Has its turn from construction to destruction.
  class Turn {
   public:
    explicit Turn(Turns* turns) : turns_(turns) {
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
    Turns* const turns_;
  };

 private:
  Mutex mutex_;
  CondVar over_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace quern::chunkserver
