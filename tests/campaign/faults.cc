#include "tests/campaign/faults.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/fd.h"
#include "common/storage/file_io.h"

namespace quern::campaign {

using testing::Cluster;

namespace {

constexpr rlim_t kFewDescriptors = 8;  // more than are open when it begins

template <typename T>
const T& AnyOf(const std::vector<T>& from, Random* random) {
  return from[(*random)() % from.size()];
}

rlimit LimitDescriptors(pid_t pid, rlim_t soft) {
  rlimit before{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &before) != 0) return before;
  const rlimit now = {.rlim_cur = std::min(soft, before.rlim_max), .rlim_max = before.rlim_max};
  prlimit(pid, RLIMIT_NOFILE, &now, nullptr);
  return before;
}

rlim_t OpenDescriptors(pid_t pid) {
  std::error_code gone;
  const std::filesystem::directory_iterator files(fmt::format("/proc/{}/fd", pid), gone);
  return static_cast<rlim_t>(std::distance(begin(files), end(files)));
}

void FlipOneBit(const std::filesystem::path& path, uint64_t offset) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  char byte = 0;
  if (!fd || pread(fd.get(), &byte, 1, static_cast<off_t>(offset)) != 1) return;
  byte = static_cast<char>(byte ^ 0x10);
  EXPECT_EQ(pwrite(fd.get(), &byte, 1, static_cast<off_t>(offset)), 1);
}

}  // namespace

Fault KillServer(Cluster* cluster, const std::string& name) {
  cluster->Kill(name);
  return {"kill -9 " + name, [=] { cluster->Restart(name); }};
}

Fault PauseServer(Cluster* cluster, const std::string& name) {
  cluster->Pause(name);
  return {"SIGSTOP " + name, [=] { cluster->Resume(name); }};
}

Fault CutPower(Cluster* cluster, const std::vector<std::string>& names) {
  cluster->PowerCut(names);
  return {fmt::format("power cut of {}", fmt::join(names, ", ")), [=] {
            for (const std::string& name : names) cluster->Restart(name);
          }};
}

Fault FillDisk(Cluster* cluster, const std::string& name) {
  const std::string path = cluster->disk(name)->path() + "/filler";
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  struct statvfs space {};
  EXPECT_TRUE(file);
  // Until nothing is left: fallocate takes what it can in halves.
  for (int i = 0; i < 40 && fstatvfs(file.get(), &space) == 0 && space.f_bavail > 0; ++i) {
    const off_t end = lseek(file.get(), 0, SEEK_END);
    const auto free = static_cast<off_t>(space.f_bavail * space.f_frsize);
    if (posix_fallocate(file.get(), end, free) != 0 &&
        posix_fallocate(file.get(), end, std::max<off_t>(free / 2, 4096)) != 0) {
      break;
    }
  }
  return {"full disk of " + name, [=] {
            unlink(path.c_str());
            // A power cut would bring it back.
            EXPECT_TRUE(FileSystem::Real()->SyncDir(ParentDir(path)).ok());
          }};
}

Fault TakeDescriptors(Cluster* cluster, const std::string& name) {
  const pid_t pid = cluster->pid(name);
  const rlimit before = LimitDescriptors(pid, OpenDescriptors(pid) + kFewDescriptors);
  return {"few descriptors for " + name, [=] { LimitDescriptors(pid, before.rlim_cur); }};
}

Fault HangDisk(Cluster* cluster, const std::string& name) {
  const absl::Status frozen = cluster->disk(name)->Freeze();
  EXPECT_TRUE(frozen.ok()) << frozen;
  return {"hung disk of " + name, [=] {
            const absl::Status thawed = cluster->disk(name)->Thaw();
            EXPECT_TRUE(thawed.ok()) << thawed;
          }};
}

Fault UnmountDisk(Cluster* cluster, const std::string& name) {
  cluster->Stop(name);
  const absl::Status away = cluster->disk(name)->TakeAway();
  EXPECT_TRUE(away.ok()) << away;
  // The machine starts its server though the disk is not there.
  cluster->StartUnready(name);
  return {"absent mount of " + name, [=] {
            cluster->Kill(name);
            const absl::Status back = cluster->disk(name)->PutBack();
            EXPECT_TRUE(back.ok()) << back;
            cluster->Restart(name);
          }};
}

Fault FlipBits(Cluster* cluster, const std::string& name, Random* random) {
  int flipped = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(cluster->spec(name).dir + "/data", error)) {
    const uint64_t size = entry.is_regular_file(error) ? entry.file_size(error) : 0;
    if (size == 0 || (*random)() % 3 != 0) continue;
    FlipOneBit(entry.path(), (*random)() % size);
    ++flipped;
  }
  return {fmt::format("{} bits flipped at {}", flipped, name), [] {}};
}

Fault DoOne(Cluster* cluster, const FaultTargets& targets, Random* random) {
  const std::string chunkserver = AnyOf(targets.chunkservers, random);
  const std::string any = AnyOf(targets.all, random);
  const uint64_t kinds = targets.disks ? 9 : 4;
  switch ((*random)() % kinds) {
    case 0:
      return KillServer(cluster, any);
    case 1:
      return PauseServer(cluster, any);
    case 2:
      return TakeDescriptors(cluster, chunkserver);
    case 3:
      return FlipBits(cluster, targets.chunkservers.back(), random);
    case 4:
      return FillDisk(cluster, chunkserver);
    case 5:
      return HangDisk(cluster, chunkserver);
    case 6:
      return UnmountDisk(cluster, chunkserver);
    case 7:
      return CutPower(cluster, targets.all);
    default: {
      std::vector<std::string> some;
      for (const std::string& name : targets.all) {
        if ((*random)() % 2 == 0) some.push_back(name);
      }
      return CutPower(cluster, some.empty() ? std::vector<std::string>{any} : some);
    }
  }
}

OldMaster::OldMaster(Cluster* cluster, std::string copy)
    : cluster_(cluster), copy_(std::move(copy)), right_(cluster->spec("master").dir) {
  cluster_->Stop("master");
  std::filesystem::copy(right_, copy_, std::filesystem::copy_options::recursive);
  cluster_->Restart("master");
}

void OldMaster::PutOldCopyBack() {
  cluster_->Kill("master");
  std::filesystem::rename(right_, right_ + ".right");
  std::filesystem::copy(copy_, right_, std::filesystem::copy_options::recursive);
  cluster_->StartUnready("master");
}

void OldMaster::PutRightOneBack() {
  cluster_->Kill("master");
  std::filesystem::remove_all(right_);
  std::filesystem::rename(right_ + ".right", right_);
  cluster_->Restart("master");
}

}  // namespace quern::campaign
