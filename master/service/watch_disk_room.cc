#include "common/log.h"
#include "common/sizes.h"
#include "master/logic/disk_room.h"
#include "master/service/master.h"

namespace quern::master {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);

absl::Status Judge(const DiskSpace& space) {
  const uint64_t kept = RoomForRemovals(space.capacity_bytes);
  if (space.free_bytes >= kept) return absl::OkStatus();
  return ResourceExhaustedError(
      "the master's disk is full ({} free of {}): nothing new is taken, until more than {} are "
      "free. "
      "Try: make room on that disk; removing files works (dfs rm --skip-trash)",
      FormatBinarySize(space.free_bytes), FormatBinarySize(space.capacity_bytes),
      FormatBinarySize(kept));
}

}  // namespace

absl::Duration WatchDiskRoom(Master* master) {
  master->store().TakeReserve();
  const absl::StatusOr<DiskSpace> space = master->store().Space();
  if (!space.ok()) return kLookEvery;  // says nothing about the room
  const absl::Status status = Judge(*space);
  if (status.ok() != master->committer().full().ok()) {
    LogWarning("disk_room", {{"full", !status.ok()}, {"free_bytes", space->free_bytes}});
  }
  master->committer().SetFull(status);
  return kLookEvery;
}

}  // namespace quern::master
