// A power cut of all machines at once after `dfs put` returned. With a build that leaves out the
// final fdatasync, or that writes RocksDB unsynced, this test fails: tests/mutants.sh shows both.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

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

// Data files on the disks of all chunkservers: replicas, whoever knows of them.
size_t CountReplicas(Cluster* cluster, int chunkservers) {
  size_t count = 0;
  for (int i = 1; i <= chunkservers; ++i) {
    const std::string data = cluster->spec(fmt::format("chunkserver{}", i)).dir + "/data";
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator entry(data, error), end;
         !error && entry != end; entry.increment(error)) {
      if (entry->is_regular_file(error)) ++count;
    }
  }
  return count;
}

// A replica that a power cut brought back would count, and another be removed in its place.
TEST(PowerCut, WhatWasRemovedStaysRemovedAndTheRestIsWhole) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
  constexpr int kChunkservers = 4;
  const auto cluster =
      Cluster::Start({.chunkservers = kChunkservers, .replication = 2, .on_power_cut_disk = true});
  ASSERT_NE(cluster, nullptr);
  std::map<std::string, std::string> files;
  uint64_t seed = 0;
  const auto put = [&](const std::string& path) {
    files[path] = RandomBytesOf(100'000, ++seed);
    const CommandResult result =
        cluster->Dfs({"put", "-f", "-", path}, {.stdin_text = files[path]});
    ASSERT_EQ(result.exit_code, 0) << result.Describe();
  };
  const auto run = [&](const std::vector<std::string>& command) {
    const CommandResult result = cluster->Dfs(command);
    ASSERT_EQ(result.exit_code, 0) << result.Describe();
  };
  const auto await_replicas = [&](size_t count) {
    EXPECT_TRUE(cluster->Eventually([&] {
      return CountReplicas(cluster.get(), kChunkservers) == count;
    })) << CountReplicas(cluster.get(), kChunkservers)
        << " replicas, wanted " << count;
  };
  const auto expect_whole = [&] {
    for (const auto& [path, bytes] : files) {
      const CommandResult cat = cluster->Dfs({"cat", path});
      EXPECT_TRUE(cat.exit_code == 0 && cat.out == bytes) << path << ": " << cat.err;
    }
    EXPECT_TRUE(cluster->Eventually([&] { return cluster->Dfs({"fsck", "/"}).exit_code == 0; }));
  };
  for (int round = 0; round < 2 && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(round);
    for (int i = 0; i < 6; ++i) put(fmt::format("/{}-{}", round, i));
    // Replaced, renamed over another, deleted.
    put(fmt::format("/{}-0", round));
    run({"mv", "-f", fmt::format("/{}-1", round), fmt::format("/{}-2", round)});
    files[fmt::format("/{}-2", round)] = files[fmt::format("/{}-1", round)];
    files.erase(fmt::format("/{}-1", round));
    run({"rm", "--skip-trash", fmt::format("/{}-3", round)});
    files.erase(fmt::format("/{}-3", round));
    await_replicas(2 * files.size());
    for (const auto& [path, bytes] : files) run({"setrep", "1", path});
    await_replicas(files.size());
    ASSERT_NO_FATAL_FAILURE(cluster->PowerCut());
    // A removal that is ordered now comes after all that the restart may have led to.
    put("/later");
    run({"setrep", "1", "/later"});
    await_replicas(files.size());
    expect_whole();
    // Repair: what it has copied is there after the next cut.
    for (const auto& [path, bytes] : files) run({"setrep", "2", path});
    await_replicas(2 * files.size());
    expect_whole();
    ASSERT_NO_FATAL_FAILURE(cluster->PowerCut());
    expect_whole();
    await_replicas(2 * files.size());
    EXPECT_EQ(cluster->Dfs({"test", "-e", fmt::format("/{}-3", round)}).exit_code, 1);
  }
}

// Small files lie in the indexes of the disks: one write of each replica, and two of the master,
// are all that makes them durable.
TEST(PowerCut, SmallFilesAreWholeOrGoneAsTheyWereLeft) {
  if (!PowerCutDisk::Available()) GTEST_SKIP() << "needs root, loop devices and mkfs.ext4";
  const auto cluster = Cluster::Start({.on_power_cut_disk = true});
  ASSERT_NE(cluster, nullptr);
  std::map<std::string, std::string> files;
  const auto run = [&](const std::vector<std::string>& command, const std::string& text = "") {
    const CommandResult result = cluster->Dfs(command, {.stdin_text = text});
    ASSERT_EQ(result.exit_code, 0) << result.Describe();
  };
  const auto put = [&](const std::string& path, size_t bytes) {
    files[path] = RandomBytesOf(bytes, files.size() + bytes);
    run({"put", "-f", "-", path}, files[path]);
  };
  for (int round = 0; round < 3 && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const auto name = [&](int i) { return fmt::format("/{}-{}", round, i); };
    for (int i = 0; i < 8; ++i) put(name(i), static_cast<size_t>(1 + i * i * 600));
    put(name(0), 2'000);  // replaced
    run({"mv", "-f", name(1), name(2)});
    files[name(2)] = files[name(1)];
    files.erase(name(1));
    run({"rm", "--skip-trash", name(3)});
    files.erase(name(3));
    // What lies in a file of its own was written the same way.
    put(name(8), 40'000);
    ASSERT_NO_FATAL_FAILURE(cluster->PowerCut());
    for (const auto& [path, bytes] : files) {
      const CommandResult cat = cluster->Dfs({"cat", path});
      EXPECT_TRUE(cat.exit_code == 0 && cat.out == bytes) << path << ": " << cat.err;
    }
    for (const int gone : {1, 3}) {
      EXPECT_EQ(cluster->Dfs({"test", "-e", name(gone)}).exit_code, 1);
    }
    EXPECT_TRUE(cluster->Eventually([&] {
      return cluster->Dfs({"fsck", "--verify", "/"}).exit_code == 0;
    }));
  }
}

}  // namespace
}  // namespace quern::testing
