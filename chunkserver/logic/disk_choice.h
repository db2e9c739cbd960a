// Which disk gets a new replica.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/status.h"

namespace quern::chunkserver {

struct DiskRoom {
  std::string path = {};
  uint64_t free_bytes = 0;
  // Held or reserved by replicas.
  uint64_t used_bytes = 0;
  // Kept free whatever happens, so that deletes and the index still work on a full disk.
  uint64_t reserve_bytes = 0;
  bool failed = false;
};

// Index of the disk with the most free space; among disks within 1 % of each other (directories of
// one file system, say) that with the fewest replica bytes. ResourceExhausted when its reserve
// would be touched: names it and what is missing. Unavailable when every disk has failed.
absl::StatusOr<size_t> ChooseDisk(std::span<const DiskRoom> disks, uint64_t need_bytes);

// The hard reserve of a disk when the operator says nothing: 1 GiB, or 1 % of a small disk.
uint64_t DefaultReserve(uint64_t capacity_bytes);

}  // namespace quern::chunkserver
