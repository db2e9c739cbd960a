// A power cut of all machines at once after `dfs put` returned. With a build that leaves out the
// final fdatasync, or that writes RocksDB unsynced, this test fails: tests/mutants.sh shows both.
#include <gtest/gtest.h>

#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

TEST(PowerCut, WhatPutReturnedIsWholeAfterwards) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
  const auto cluster = Cluster::Start({.on_power_cut_disk = true});
  ASSERT_NE(cluster, nullptr);
  // Below and above the 8 MiB from which data are pushed to the disk while they are written, and
  // more than one chunk.
  const std::vector<size_t> sizes = {100, size_t{5} << 20, size_t{90} << 20};
  for (const size_t size : sizes) {
    const std::string source = fmt::format("{}/{}", cluster->scratch(), size);
    WriteRandomFile(source, size, size);
    const CommandResult put = cluster->Dfs({"put", source, fmt::format("/{}", size)});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
  }
  ASSERT_NO_FATAL_FAILURE(cluster->PowerCut());
  for (const size_t size : sizes) {
    SCOPED_TRACE(size);
    const std::string target = cluster->scratch() + "/back";
    const CommandResult get = cluster->Dfs({"get", "-f", fmt::format("/{}", size), target});
    ASSERT_EQ(get.exit_code, 0) << get.Describe();
    EXPECT_EQ(Sha256OfFile(target), Sha256OfFile(fmt::format("{}/{}", cluster->scratch(), size)));
  }
  const CommandResult fsck = cluster->Dfs({"fsck", "/"});
  EXPECT_EQ(fsck.exit_code, 0) << fsck.Describe();
}

TEST(PowerCut, InTheMiddleOfAPutLeavesOldFilesWholeAndNoHalfOne) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
  const auto cluster = Cluster::Start({.on_power_cut_disk = true});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/old"}, {.stdin_text = "old\n"}).exit_code, 0);
  const auto put = cluster->StartCommand({"dfs", "put", "-", "/new"}, {.stdin_pipe = true});
  ASSERT_TRUE(put->Feed(RandomBytesOf(size_t{80} << 20, 1)));
  ASSERT_NO_FATAL_FAILURE(cluster->PowerCut());
  put->Signal(SIGKILL);
  EXPECT_EQ(cluster->Dfs({"cat", "/old"}).out, "old\n");
  EXPECT_EQ(cluster->Dfs({"test", "-e", "/new"}).exit_code, 1);
  const CommandResult again = cluster->Dfs({"put", "-", "/new"}, {.stdin_text = "new\n"});
  EXPECT_EQ(again.exit_code, 0) << again.Describe();
  const CommandResult fsck = cluster->Dfs({"fsck", "/"});
  EXPECT_EQ(fsck.exit_code, 0) << fsck.Describe();
}

}  // namespace
}  // namespace quern::testing
