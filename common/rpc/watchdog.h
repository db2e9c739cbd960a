// Ends the process when its own RPC port stops answering.
#pragma once

#include <string>

#include "common/periodic_thread.h"

namespace quern::rpc {

// Calls the health service at `address` every 5 s over a fresh connection; after three failures in
// a row it logs why and exits with status 1, so that whoever supervises the process starts it
// again.
class Watchdog {
 public:
  explicit Watchdog(std::string address);

 private:
  void Ask();

  const std::string address_;
  int failures_ = 0;  // in a row
  PeriodicThread thread_;
};

}  // namespace quern::rpc
