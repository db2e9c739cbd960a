// Full disks: puts go round one, get a clear answer when there is no room anywhere, and removing
// files helps.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// A memory file system of a fixed size.
class SmallDisk {
 public:
  explicit SmallDisk(const char* options) {
    std::string pattern = ::testing::TempDir() + "small_disk_XXXXXX";
    path_ = mkdtemp(pattern.data());
    mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(path_);
  }
  SmallDisk(SmallDisk&& other) noexcept
      : path_(std::move(other.path_)), mounted_(std::exchange(other.mounted_, false)) {}
  bool mounted() const { return mounted_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

void PutOn(const SmallDisk& disk, local::ServerSpec* spec) {
  *std::find(spec->argv.begin(), spec->argv.end(), spec->dir) = disk.path();
  spec->dir = disk.path();
}

TEST(FullDisk, OneFullServerIsGoneRound) {
  const SmallDisk small("size=100m");
  if (!small.mounted()) GTEST_SKIP() << "needs root to mount a small disk";
  const auto cluster = Cluster::Start(
      {.chunkservers = 3, .workers = 1, .replication = 2, .adjust = [&](local::ServerSpec* spec) {
         if (spec->name == "chunkserver1") PutOn(small, spec);
       }});
  ASSERT_NE(cluster, nullptr);
  const std::string source = cluster->scratch() + "/source";
  WriteRandomFile(source, size_t{300} << 20, 1);
  const CommandResult put = cluster->Dfs({"put", source, "/big"});
  ASSERT_EQ(put.exit_code, 0) << put.Describe();
  const CommandResult get = cluster->Dfs({"get", "/big", cluster->scratch() + "/back"});
  ASSERT_EQ(get.exit_code, 0) << get.Describe();
  EXPECT_EQ(Sha256OfFile(cluster->scratch() + "/back"), Sha256OfFile(source));
}

TEST(FullDisk, NoRoomAnywhereIsSaidAndRemovingHelps) {
  std::vector<SmallDisk> disks;
  for (int i = 0; i < 2; ++i) disks.emplace_back("size=150m");
  if (!disks[0].mounted() || !disks[1].mounted()) GTEST_SKIP() << "needs root to mount small disks";
  const auto cluster =
      Cluster::Start({.chunkservers = 2, .workers = 1, .adjust = [&](local::ServerSpec* spec) {
                        if (spec->name == "chunkserver1") PutOn(disks[0], spec);
                        if (spec->name == "chunkserver2") PutOn(disks[1], spec);
                      }});
  ASSERT_NE(cluster, nullptr);
  const CommandResult first = cluster->Dfs({"put", "-", "/small"}, {.stdin_text = "small\n"});
  ASSERT_EQ(first.exit_code, 0) << first.Describe();
  const std::string source = cluster->scratch() + "/source";
  WriteRandomFile(source, size_t{60} << 20, 1);
  // Until it does not fit any more; at the latest the third has no room.
  CommandResult put;
  int stored = 0;
  for (; stored < 4; ++stored) {
    put = cluster->Dfs({"put", source, fmt::format("/big{}", stored)});
    if (put.exit_code != 0) break;
  }
  EXPECT_EQ(put.exit_code, 1) << put.Describe();
  EXPECT_THAT(put.err, AnyOf(HasSubstr("full"), HasSubstr("no room")));
  EXPECT_EQ(cluster->Dfs({"test", "-e", fmt::format("/big{}", stored)}).exit_code, 1);
  EXPECT_EQ(cluster->Dfs({"cat", "/small"}).out, "small\n");

  ASSERT_GT(stored, 0);
  EXPECT_EQ(cluster->Dfs({"rm", "--skip-trash", "/big0"}).exit_code, 0);
  EXPECT_TRUE(cluster->Eventually([&] {
    return cluster->Dfs({"put", source, "/again"}).exit_code == 0;
  }));
}

TEST(FullDisk, AFullMasterTakesNothingNewAndRemovesAndRecovers) {
  const SmallDisk small("size=400m");
  if (!small.mounted()) GTEST_SKIP() << "needs root to mount a small disk";
  const auto cluster =
      Cluster::Start({.chunkservers = 1, .workers = 1, .adjust = [&](local::ServerSpec* spec) {
                        if (spec->name == "master") PutOn(small, spec);
                      }});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "a\n"}).exit_code, 0);
  const std::string filler = small.path() + "/filler";
  WriteRandomFile(filler, std::filesystem::space(small.path()).available - (size_t{10} << 20), 1);
  ASSERT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"health"}).exit_code != 0; }));
  EXPECT_THAT(cluster->Dfs({"health"}).out, HasSubstr("disk is full"));
  const CommandResult mkdir = cluster->Dfs({"mkdir", "/dir"});
  EXPECT_EQ(mkdir.exit_code, 1);
  EXPECT_THAT(mkdir.err, HasSubstr("the master's disk is full"));
  EXPECT_EQ(cluster->Dfs({"cat", "/a"}).out, "a\n");
  EXPECT_EQ(cluster->Dfs({"rm", "--skip-trash", "/a"}).exit_code, 0);
  cluster->Kill("master");
  cluster->Restart("master");
  EXPECT_EQ(cluster->Dfs({"test", "-e", "/a"}).exit_code, 1);
  std::filesystem::remove(filler);
  EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"mkdir", "/dir"}).exit_code == 0; }));
}

TEST(FullDisk, AFullClusterSaysThatItIsAndComesUpAllTheSame) {
  const SmallDisk small("size=150m");
  if (!small.mounted()) GTEST_SKIP() << "needs root to mount a small disk";
  const auto cluster =
      Cluster::Start({.chunkservers = 1, .workers = 1, .adjust = [&](local::ServerSpec* spec) {
                        if (spec->name == "chunkserver1") PutOn(small, spec);
                      }});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "a\n"}).exit_code, 0);
  // Less than a twentieth, which nothing is written into; its server can still start.
  const std::string filler = small.path() + "/filler";
  WriteRandomFile(filler, std::filesystem::space(small.path()).available - (size_t{4} << 20), 1);
  ASSERT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"health"}).exit_code == 1; }));
  EXPECT_THAT(cluster->Dfs({"health"}).out, HasSubstr("the disks of the chunkservers are full"));
  EXPECT_THAT(cluster->Dfs({"health", "--json"}).out, HasSubstr("\"writable\":false"));
  cluster->StopAndStart();
  EXPECT_EQ(cluster->Dfs({"cat", "/a"}).out, "a\n");
  std::filesystem::remove(filler);
  EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"health"}).exit_code == 0; }));
}

// Takes all the room there is.
void FillUp(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0644);
  ASSERT_GE(fd, 0);
  const std::string step(size_t{1} << 16, 'x');
  while (write(fd, step.data(), step.size()) > 0) {
  }
  close(fd);
}

TEST(FullDisk, AMasterStartsOnADiskThatOthersHaveFilledToTheBrim) {
  const SmallDisk small("size=64m");
  if (!small.mounted()) GTEST_SKIP() << "needs root to mount a small disk";
  const auto cluster =
      Cluster::Start({.chunkservers = 1, .workers = 1, .adjust = [&](local::ServerSpec* spec) {
                        if (spec->name == "master") PutOn(small, spec);
                      }});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "a\n"}).exit_code, 0);
  FillUp(small.path() + "/filler");
  cluster->Kill("master");
  ASSERT_NO_FATAL_FAILURE(cluster->Restart("master"));
  EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"cat", "/a"}).out == "a\n"; }));
  EXPECT_EQ(cluster->Dfs({"rm", "--skip-trash", "/a"}).exit_code, 0);
}

TEST(FullDisk, AChunkserverWithOneFullDiskStartsOnTheOther) {
  const SmallDisk small("size=64m");
  if (!small.mounted()) GTEST_SKIP() << "needs root to mount a small disk";
  const auto cluster = Cluster::Start(
      {.chunkservers = 1, .workers = 1, .replication = 1, .adjust = [&](local::ServerSpec* spec) {
         if (spec->name != "chunkserver1") return;
         const auto dir = std::find(spec->argv.begin(), spec->argv.end(), spec->dir);
         *dir += "," + small.path();
       }});
  ASSERT_NE(cluster, nullptr);
  FillUp(small.path() + "/filler");
  cluster->Kill("chunkserver1");
  ASSERT_NO_FATAL_FAILURE(cluster->Restart("chunkserver1"));
  EXPECT_TRUE(cluster->Eventually([&] {
    return cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "text\n"}).exit_code == 0;
  }));
  EXPECT_EQ(cluster->Dfs({"cat", "/a"}).out, "text\n");
}

}  // namespace
}  // namespace quern::testing
