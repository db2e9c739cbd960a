// A power cut of all machines in the middle of a put. A campaign of its own: RocksDB may refuse a
// log whose unsynced tail reached the disk with a hole, and then a chunkserver does not start
// (docs/operations.md says what to do); the test fails in about one of ten runs for that reason.
#include <gtest/gtest.h>

#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

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
}

}  // namespace
}  // namespace quern::testing
