#include "tests/cluster/power_cut_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "common/clock.h"
#include "common/fd.h"
#include "common/storage/file_io.h"
#include "tests/cluster/command.h"

namespace quern::testing {
namespace {

// From the kernel's fs/ext4/ext4.h; in no public header of Debian 12.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, uint32_t);
constexpr uint32_t kNoLogFlush = 2;
constexpr absl::Duration kUnmountPatience = absl::Seconds(60);
constexpr absl::Duration kReaderPatience = absl::Seconds(10);

absl::Status Run(const std::vector<std::string>& argv) {
  const CommandResult result = RunCommand(argv, {.timeout = absl::Seconds(30)});
  if (result.exit_code == 0) return absl::OkStatus();
  return UnavailableError("{}: {}", argv[0], result.Describe());
}

}  // namespace

absl::Status StandStill(pid_t child) {
  if (kill(child, SIGSTOP) != 0) return ErrnoStatus(errno, fmt::format("stop {}", child));
  siginfo_t stopped{};
  // Its end is left for others to be told of.
  while (waitid(P_PID, static_cast<id_t>(child), &stopped, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, fmt::format("wait for {}", child));
  }
  return absl::OkStatus();
}

bool PowerCutDisk::Available() {
  return geteuid() == 0 && access("/dev/loop-control", W_OK) == 0 &&
         RunCommand({"sh", "-c", "command -v mkfs.ext4"}).exit_code == 0;
}

absl::StatusOr<std::unique_ptr<PowerCutDisk>> PowerCutDisk::Make(const std::string& dir,
                                                                 uint64_t size_bytes) {
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(dir));
  std::unique_ptr<PowerCutDisk> disk(new PowerCutDisk(dir));
  // What is unmounted below a shared mount goes from the mount namespaces of tasks too, which would
  // keep it alive otherwise.
  RETURN_IF_ERROR(Run({"mount", "--bind", dir, dir}));
  disk->bound_ = true;
  RETURN_IF_ERROR(Run({"mount", "--make-shared", dir}));
  RETURN_IF_ERROR(FileSystem::Real()->MakeDirs(disk->mount_point_));
  ASSIGN_OR_RETURN(const auto image,
                   FileSystem::Real()->Open(disk->image_, {.write = true, .create = true}));
  RETURN_IF_ERROR(image->Truncate(size_bytes));
  RETURN_IF_ERROR(
      Run({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard", disk->image_}));
  RETURN_IF_ERROR(disk->Mount());
  return disk;
}

PowerCutDisk::~PowerCutDisk() {
  if (mounted_) umount2(mount_point_.c_str(), MNT_DETACH);
  if (bound_) umount2(dir_.c_str(), MNT_DETACH);
}

absl::Status PowerCutDisk::Mount() {
  // A long commit interval: only what a program syncs becomes durable, not what time does.
  RETURN_IF_ERROR(Run({"mount", "-o", "loop,commit=600", image_, mount_point_}));
  mounted_ = true;
  return absl::OkStatus();
}

absl::Status PowerCutDisk::Unmount(absl::Duration patience) {
  // Children of killed processes may need a moment to end and let go of their files.
  const absl::Time deadline = Clock::Real()->MonotonicNow() + patience;
  while (umount2(mount_point_.c_str(), 0) != 0) {
    if (errno != EBUSY || Clock::Real()->MonotonicNow() > deadline) {
      return ErrnoStatus(errno, "umount " + mount_point_);
    }
    Clock::Real()->Sleep(absl::Milliseconds(20));
  }
  mounted_ = false;
  // A mount namespace of a process that is dying may hold it a moment longer; mounted again before
  // that, it would be the same file system, as dead as it is.
  while (!RunCommand({"losetup", "-j", image_}).out.empty()) {
    if (Clock::Real()->MonotonicNow() > deadline) {
      return UnavailableError("{}: still in use after it was unmounted", image_);
    }
    Clock::Real()->Sleep(absl::Milliseconds(20));
  }
  return absl::OkStatus();
}

absl::Status PowerCutDisk::Cut() {
  const UniqueFd fd(open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  uint32_t how = kNoLogFlush;
  if (!fd || ioctl(fd.get(), kExt4Shutdown, &how) != 0) return ErrnoStatus(errno, "ext4 shutdown");
  return absl::OkStatus();
}

absl::Status PowerCutDisk::Freeze() {
  const UniqueFd fd(open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ioctl(fd.get(), FIFREEZE, 0) != 0) return ErrnoStatus(errno, "freeze");
  return absl::OkStatus();
}

absl::Status PowerCutDisk::Thaw() {
  const UniqueFd fd(open(mount_point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ioctl(fd.get(), FITHAW, 0) != 0) return ErrnoStatus(errno, "thaw");
  return absl::OkStatus();
}

absl::Status PowerCutDisk::TakeAway() { return Unmount(kUnmountPatience); }

absl::Status PowerCutDisk::PowerOn() {
  if (!Unmount(kReaderPatience).ok()) RETURN_IF_ERROR(LeaveToReaders());
  return Mount();
}

// The dead disk stays theirs until they close it; a copy of what is in it goes on.
absl::Status PowerCutDisk::LeaveToReaders() {
  if (mounted_ && umount2(mount_point_.c_str(), MNT_DETACH) != 0) {
    return ErrnoStatus(errno, "detach " + mount_point_);
  }
  mounted_ = false;
  // As the end of an unmounting does.
  RETURN_IF_ERROR(Run(
      {"sh", "-c", "losetup -n -O NAME -j \"$1\" | xargs -r blockdev --flushbufs", "sh", image_}));
  const std::string copy = fmt::format("{}/disk{}.img", dir_, ++copies_);
  RETURN_IF_ERROR(Run({"cp", "--sparse=always", image_, copy}));
  RETURN_IF_ERROR(FileSystem::Real()->Remove(image_));
  image_ = copy;
  return absl::OkStatus();
}

}  // namespace quern::testing
