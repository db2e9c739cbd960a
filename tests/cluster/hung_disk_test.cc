// One of the two disks of a chunkserver hangs: its file system is frozen, so that whoever writes to
// it sleeps. The server stays alive, and files are written and read as if nothing had happened.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/fd.h"
#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

class FrozenDisk {
 public:
  explicit FrozenDisk(const std::string& mount_point)
      : fd_(open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  ~FrozenDisk() { Thaw(); }
  bool Freeze() {
    frozen_ = ioctl(fd_.get(), FIFREEZE, 0) == 0;
    return frozen_;
  }
  void Thaw() {
    if (std::exchange(frozen_, false)) ioctl(fd_.get(), FITHAW, 0);
  }

 private:
  const UniqueFd fd_;
  bool frozen_ = false;
};

class HungDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root and loop devices";
    std::string pattern = ::testing::TempDir() + "hung_disk_XXXXXX";
    dir_ = mkdtemp(pattern.data());
    for (int i = 0; i < 2; ++i) {
      auto disk = PowerCutDisk::Make(fmt::format("{}/{}", dir_, i), uint64_t{2} << 30);
      ASSERT_TRUE(disk.ok()) << disk.status();
      disks_[i] = *std::move(disk);
    }
    cluster_ = Cluster::Start(
        {.chunkservers = 3, .workers = 1, .replication = 2, .adjust = [&](local::ServerSpec* spec) {
           if (spec->name != "chunkserver1") return;
           *std::find(spec->argv.begin(), spec->argv.end(), spec->dir) =
               disks_[0]->path() + "," + disks_[1]->path();
         }});
    ASSERT_NE(cluster_, nullptr);
  }
  void TearDown() override {
    cluster_.reset();
    for (auto& disk : disks_) disk.reset();
    if (!dir_.empty()) std::filesystem::remove_all(dir_);
  }

  void Put(const std::string& path) {
    const CommandResult put = cluster_->Dfs({"put", "-", path}, {.stdin_text = TextOf(path)});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
  }
  void ExpectThere(const std::string& path) {
    const CommandResult cat = cluster_->Dfs({"cat", path});
    ASSERT_EQ(cat.exit_code, 0) << cat.Describe();
    EXPECT_EQ(cat.out, TextOf(path));
  }
  static std::string TextOf(const std::string& path) { return "what " + path + " says\n"; }
  std::string Report() { return cluster_->Dfs({"--json", "admin", "report"}).out; }

  std::string dir_;
  std::unique_ptr<PowerCutDisk> disks_[2];
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(HungDisk, TheServerLivesAndFilesAreWrittenAndRead) {
  for (int i = 0; i < 8; ++i) Put(fmt::format("/before{}", i));
  FrozenDisk frozen(disks_[0]->path());
  ASSERT_TRUE(frozen.Freeze());
  // Whatever is put now may meet the disk before anybody knows, and must not fail for that.
  for (int i = 0; i < 4; ++i) Put(fmt::format("/during{}", i));
  ASSERT_TRUE(cluster_->Eventually([&] {
    return Report().find("\"hangs\":true") != std::string::npos;
  })) << Report();
  for (int i = 4; i < 12; ++i) Put(fmt::format("/during{}", i));
  for (int i = 0; i < 12; ++i) ExpectThere(fmt::format("/during{}", i));
  for (int i = 0; i < 8; ++i) ExpectThere(fmt::format("/before{}", i));
  EXPECT_EQ(Report().find("\"alive\":false"), std::string::npos) << Report();

  frozen.Thaw();
  EXPECT_TRUE(cluster_->Eventually([&] {
    return Report().find("\"hangs\":true") == std::string::npos &&
           cluster_->Dfs({"fsck", "/"}).exit_code == 0;
  })) << Report();
  for (int i = 0; i < 8; ++i) ExpectThere(fmt::format("/before{}", i));
  EXPECT_THAT(cluster_->log("chunkserver1"), ::testing::Not(HasSubstr("disk_failed")));
}

}  // namespace
}  // namespace quern::testing
