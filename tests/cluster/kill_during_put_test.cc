// kill -9 of a chunkserver in the middle of a replicated put: of the primary, the middle and the
// last of the chain, and of one that is not in it.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

class KillDuringPut : public ::testing::TestWithParam<std::string> {};

TEST_P(KillDuringPut, EndsWellAndEveryChunkHasThreeReplicasAgain) {
  const auto cluster = Cluster::Start({.chunkservers = 4, .workers = 1, .replication = 3});
  ASSERT_NE(cluster, nullptr);
  const std::string bytes = RandomBytesOf(size_t{150} << 20, /*seed=*/7);
  const std::string_view all = bytes;
  const auto put = cluster->StartCommand({"dfs", "put", "-", "/f"}, {.stdin_pipe = true});
  // The kill falls into the second chunk, when the first is sealed and much is under way.
  ASSERT_TRUE(put->Feed(all.substr(0, size_t{100} << 20)));
  cluster->Kill(GetParam());
  ASSERT_TRUE(put->Feed(all.substr(size_t{100} << 20)));
  const CommandResult ended = put->Finish();
  ASSERT_EQ(ended.exit_code, 0) << ended.Describe();

  const CommandResult cat = cluster->Dfs({"cat", "/f"});
  EXPECT_EQ(cat.exit_code, 0) << cat.err;
  EXPECT_TRUE(cat.out == bytes) << "length " << cat.out.size() << " of " << bytes.size();
  CommandResult fsck;
  EXPECT_TRUE(cluster->Eventually([&] {
    fsck = cluster->Dfs({"fsck", "/f"});
    return fsck.exit_code == 0;
  })) << fsck.Describe();
}

INSTANTIATE_TEST_SUITE_P(Each, KillDuringPut,
                         ::testing::Values("chunkserver1", "chunkserver2", "chunkserver3",
                                           "chunkserver4"),
                         [](const auto& param) { return param.param; });

TEST(KillMasterDuringPut, AMasterThatIsRestartedMeanwhileCostsNothing) {
  const auto cluster = Cluster::Start({.chunkservers = 3, .workers = 1});
  ASSERT_NE(cluster, nullptr);
  const std::string bytes = RandomBytesOf(size_t{150} << 20, /*seed=*/8);
  const std::string_view all = bytes;
  const auto put = cluster->StartCommand({"dfs", "put", "-", "/f"}, {.stdin_pipe = true});
  ASSERT_TRUE(put->Feed(all.substr(0, size_t{100} << 20)));
  cluster->Kill("master");
  cluster->Restart("master");
  ASSERT_TRUE(put->Feed(all.substr(size_t{100} << 20)));
  const CommandResult ended = put->Finish();
  ASSERT_EQ(ended.exit_code, 0) << ended.Describe();
  EXPECT_TRUE(cluster->Dfs({"cat", "/f"}).out == bytes);
}

// Of small files, which come whole: some are on their way when the server dies, and each is there
// or its put says why not.
TEST(KillDuringSmallPuts, EveryFileIsWholeAndHasItsReplicasAgain) {
  const auto cluster = Cluster::Start({.chunkservers = 4, .workers = 1, .replication = 3});
  ASSERT_NE(cluster, nullptr);
  constexpr int kFiles = 600;
  const std::string source = cluster->scratch() + "/small";
  std::filesystem::create_directories(source);
  for (int i = 0; i < kFiles; ++i) {
    WriteRandomFile(fmt::format("{}/f{}", source, i), static_cast<size_t>(1 + i * 100), i);
  }
  const auto put = cluster->StartCommand({"dfs", "put", "-j", "8", source, "/small"}, {});
  ASSERT_TRUE(cluster->Eventually([&] {
    return cluster->Dfs({"test", "-e", "/small/f99"}).exit_code == 0;
  }));
  cluster->Kill("chunkserver2");
  const CommandResult ended = put->Finish();
  ASSERT_EQ(ended.exit_code, 0) << ended.Describe();
  const std::string back = cluster->scratch() + "/back";
  const CommandResult get = cluster->Dfs({"get", "/small", back});
  ASSERT_EQ(get.exit_code, 0) << get.Describe();
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(Sha256OfFile(fmt::format("{}/f{}", back, i)),
              Sha256OfFile(fmt::format("{}/f{}", source, i)))
        << i;
  }
  EXPECT_TRUE(cluster->Eventually([&] {
    return cluster->Dfs({"fsck", "--verify", "/"}).exit_code == 0;
  }));
}

// Hangs are worse than deaths: connections stay, and only time tells. Both ends of a put meet one:
// the new file's replicas are made while the server hangs, or it hangs while they are written.
TEST(PauseDuringPut, AChunkserverThatHangsCostsTimeOnly) {
  const auto cluster = Cluster::Start({.chunkservers = 3, .workers = 1, .replication = 3});
  ASSERT_NE(cluster, nullptr);
  const std::string bytes = RandomBytesOf(size_t{10} << 20, /*seed=*/9);
  const auto put = cluster->StartCommand({"dfs", "put", "-", "/begun"}, {.stdin_pipe = true});
  ASSERT_TRUE(put->Feed(bytes));
  cluster->Pause("chunkserver2");
  const CommandResult fresh = cluster->Dfs({"put", "-", "/new"}, {.stdin_text = "new\n"});
  EXPECT_EQ(fresh.exit_code, 0) << fresh.Describe();
  ASSERT_TRUE(put->Feed(bytes));
  const CommandResult begun = put->Finish();
  EXPECT_EQ(begun.exit_code, 0) << begun.Describe();
  EXPECT_EQ(cluster->Dfs({"cat", "/new"}).out, "new\n");
  EXPECT_TRUE(cluster->Dfs({"cat", "/begun"}).out == bytes + bytes);
  cluster->Resume("chunkserver2");
  CommandResult fsck;
  EXPECT_TRUE(cluster->Eventually([&] {
    fsck = cluster->Dfs({"fsck", "/"});
    return fsck.exit_code == 0;
  })) << fsck.Describe();
}

}  // namespace
}  // namespace quern::testing
