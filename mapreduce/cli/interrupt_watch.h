// While it lives, Ctrl-C ends what its coordinator client listens to, instead of the process. One
// at a time.
#pragma once

#include <atomic>

#include "common/thread.h"
#include "mapreduce/cli/coordinator_client.h"

namespace quern::mr {

class InterruptWatch {
 public:
  // Borrowed.
  explicit InterruptWatch(CoordinatorClient* client);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;

  bool interrupted() const { return interrupted_; }

 private:
  std::atomic<bool> done_ = false;
  std::atomic<bool> interrupted_ = false;
  Thread thread_;
};

}  // namespace quern::mr
