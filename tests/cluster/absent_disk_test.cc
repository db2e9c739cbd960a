// A chunkserver that is started while its disk is not mounted: the empty mount point is no new
// disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cluster/cluster.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;

TEST(AbsentDisk, AServerWithoutItsDiskIsNoNewServer) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root and loop devices";
  // The server's directory lies below the mount point: what is beside it goes with the disk.
  const auto cluster =
      Cluster::Start({.chunkservers = 2, .replication = 2, .disk_per_server = true});
  ASSERT_NE(cluster, nullptr);
  ASSERT_EQ(cluster->Dfs({"put", "-", "/a"}, {.stdin_text = "x"}).exit_code, 0);
  cluster->Stop("chunkserver1");
  ASSERT_TRUE(cluster->disk("chunkserver1")->TakeAway().ok());
  cluster->StartUnready("chunkserver1");
  EXPECT_TRUE(cluster->Eventually([&] {
    return cluster->log("chunkserver1").find("is missing") != std::string::npos;
  })) << cluster->log("chunkserver1");
  EXPECT_EQ(cluster->Dfs({"cat", "/a"}).out, "x");
  cluster->Kill("chunkserver1");
  ASSERT_TRUE(cluster->disk("chunkserver1")->PutBack().ok());
  cluster->Restart("chunkserver1");
  EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"fsck", "/"}).exit_code == 0; }));
  EXPECT_THAT(cluster->Dfs({"admin", "report"}).out, ::testing::Not(HasSubstr("cs3")));
}

}  // namespace
}  // namespace quern::testing
