// A file system that can lose its power: ext4 in a loop-mounted image, shut down by ioctl without
// flushing its journal, so that whatever was not synced is gone when it is mounted again.
#pragma once

#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/status.h"

namespace quern::testing {

// Stops a child with all its threads, and returns once none of them goes on (or it has ended). To
// be done before a Cut: a sync that meets it may return OK without a byte on the disk, and a
// process that still runs would tell others. (A signal alone takes its time on a busy machine.)
absl::Status StandStill(pid_t child);

class PowerCutDisk {
 public:
  // Needs root, loop devices and mkfs.ext4.
  static bool Available();
  // Makes the image in `dir` (sparse) and mounts it.
  static absl::StatusOr<std::unique_ptr<PowerCutDisk>> Make(const std::string& dir,
                                                            uint64_t size_bytes);
  // Unmounts.
  ~PowerCutDisk();

  const std::string& path() const { return mount_point_; }
  // From here on nothing reaches the disk; every write fails.
  absl::Status Cut();
  // Unmounts and mounts again: the disk as it is after the power is back. Who has files open on it,
  // as if it were of the same machine, keeps the dead one.
  absl::Status PowerOn();

  // Every write, and every read that would need one, waits until Thaw: a disk that hangs.
  absl::Status Freeze();
  absl::Status Thaw();
  // A disk that is not mounted: its mount point is an empty directory until PutBack. No process may
  // have files open on it.
  absl::Status TakeAway();
  absl::Status PutBack() { return Mount(); }

 private:
  explicit PowerCutDisk(const std::string& dir)
      : dir_(dir), image_(dir + "/disk.img"), mount_point_(dir + "/disk") {}
  absl::Status Mount();
  absl::Status Unmount(absl::Duration patience);
  absl::Status LeaveToReaders();

  const std::string dir_;
  std::string image_;
  int copies_ = 0;
  const std::string mount_point_;
  bool bound_ = false;  // dir_ is a mount of its own, shared
  bool mounted_ = false;
};

}  // namespace quern::testing
