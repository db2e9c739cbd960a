#include "chunkserver/logic/disk_choice.h"

#include <algorithm>
#include <optional>

namespace quern::chunkserver {

absl::StatusOr<size_t> ChooseDisk(std::span<const DiskRoom> disks, uint64_t need_bytes) {
  uint64_t most_free = 0;
  for (const DiskRoom& disk : disks) {
    if (!disk.failed) most_free = std::max(most_free, disk.free_bytes);
  }
  std::optional<size_t> best;
  for (size_t i = 0; i < disks.size(); ++i) {
    if (disks[i].failed || disks[i].free_bytes < most_free - most_free / 100) continue;
    if (!best || disks[i].used_bytes < disks[*best].used_bytes) best = i;
  }
  if (!best) return UnavailableError("no disk: all {} have failed", disks.size());
  const DiskRoom& disk = disks[*best];
  if (disk.free_bytes < need_bytes || disk.free_bytes - need_bytes < disk.reserve_bytes) {
    return ResourceExhaustedError(
        "disk full: {}: {} bytes free, need {} besides the reserve of {}. Try: add a disk, or "
        "delete "
        "files",
        disk.path, disk.free_bytes, need_bytes, disk.reserve_bytes);
  }
  return *best;
}

uint64_t DefaultReserve(uint64_t capacity_bytes) {
  return std::min(uint64_t{1} << 30, capacity_bytes / 100);
}

}  // namespace quern::chunkserver
