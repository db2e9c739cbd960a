// Ends the process when its own RPC port stops answering.
#pragma once

#include <string>

#include "common/mutex.h"
#include "common/thread.h"

namespace quern::rpc {

// Calls the health service at `address` every 5 s over a fresh connection; after three failures in
// a row it logs why and exits with status 1, so that whoever supervises the process starts it
// again.
class Watchdog {
 public:
  explicit Watchdog(std::string address);
  ~Watchdog();

 private:
  void Run();

  const std::string address_;
  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace quern::rpc
