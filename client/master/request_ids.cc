#include "client/master/request_ids.h"

namespace quern::client {

uint64_t RequestIds::Begin() {
  MutexLock lock(&mutex_);
  outstanding_.insert(next_);
  return next_++;
}

void RequestIds::End(uint64_t id) {
  MutexLock lock(&mutex_);
  outstanding_.erase(id);
}

uint64_t RequestIds::LowestOutstanding() {
  MutexLock lock(&mutex_);
  return outstanding_.empty() ? next_ : *outstanding_.begin();
}

}  // namespace quern::client
