// Tells the master of replicas that have been in quarantine long enough. Only the master, which
// says with each order how far its log has come, has them removed: time alone removes nothing.
#pragma once

#include "chunkserver/service/services.h"
#include "common/periodic_thread.h"

namespace quern::chunkserver {

class Janitor {
 public:
  Janitor(const Services& services, absl::Duration quarantine);
  // One round; also made by the janitor's own thread, every ten minutes. Returns how many were
  // told.
  int Sweep();

 private:
  const Services& services_;
  const absl::Duration quarantine_;
  PeriodicThread thread_;
};

}  // namespace quern::chunkserver
