#include "deploy/local/ownership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/storage/file_io.h"
#include "deploy/local/local_cluster.h"

namespace quern::local {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OwnershipTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "ownership_XXXXXX";
    root_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // A new directory with these in it; "x/" is a directory.
  ClusterDir With(const std::vector<std::string>& names) {
    const std::string path = root_ + "/" + std::to_string(++made_);
    std::filesystem::create_directory(path);
    for (const std::string& name : names) {
      if (name.ends_with('/')) {
        std::filesystem::create_directories(path + "/" + name);
      } else {
        std::ofstream(path + "/" + name) << "mine";
      }
    }
    return *ClusterDir::At(path);
  }

  std::string root_;
  int made_ = 0;
};

TEST_F(OwnershipTest, ADirectoryThatIsNotThereOrHoldsNothingIsFree) {
  EXPECT_TRUE(CheckNotForeign(*ClusterDir::At(root_ + "/none/yet")).ok());
  EXPECT_TRUE(CheckNotForeign(With({})).ok());
  EXPECT_TRUE(CheckNotForeign(With({"lost+found/"})).ok());
}

TEST_F(OwnershipTest, WhatSomebodyElseHasIsRefusedByName) {
  const std::vector<std::vector<std::string>> all = {
      {"cluster.json"},
      {"state.json"},
      {"hosts"},
      {"lost+found/", "photos/"},
      {".profile"},
      {"chunkserver/"},
      {"chunkserver1.txt"},
      {".other.chunkserver1.quern-disk"},
      // names that an `up` uses, and so do others
      {"logs/", "cluster.json"},
      {"lock", "master/", "notes.txt"},
  };
  for (const auto& names : all) {
    const ClusterDir dir = With(names);
    const absl::Status refused = CheckNotForeign(dir);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << names.back();
    std::string example = names.back();
    if (example.ends_with('/')) example.pop_back();
    EXPECT_THAT(std::string(Message(refused)),
                AllOf(HasSubstr(dir.path() + ": is not empty"), HasSubstr(example + " is in it"),
                      HasSubstr("Try: --dir with an empty directory")));
  }
}

// Such as are left when the first start ends early, of its own or by a signal.
TEST_F(OwnershipTest, WhatAnUpLeftBeforeItCameUpIsNotForeign) {
  const std::vector<std::vector<std::string>> all = {
      {"logs/"},
      {"logs/", "lock"},
      {"lost+found/", "logs/", "lock", "master/"},
      {"logs/", "lock", "master/", "coordinator/", "state.json.tmp"},
      {"logs/", "lock", "master/", "coordinator/", "chunkserver1/", ".chunkserver1.quern-disk"},
  };
  for (const auto& names : all) {
    EXPECT_TRUE(CheckNotForeign(With(names)).ok()) << names.back();
  }
}

TEST_F(OwnershipTest, AFileThatAPowerCutEmptiedIsNotForeign) {
  const ClusterDir dir = With({"logs/", "lock"});
  for (const char* name : {"/cluster.json", "/state.json"}) {
    std::ofstream(dir.path() + name).close();
  }
  EXPECT_TRUE(CheckNotForeign(dir).ok());
}

TEST_F(OwnershipTest, WhatShowsAClusterOutweighsWhatElseIsThere) {
  for (const char* name : {"chunkserver12/", "worker1/", ".chunkserver3.quern-disk"}) {
    EXPECT_TRUE(CheckNotForeign(With({name, "notes.txt", "cluster.json"})).ok()) << name;
  }
  const ClusterDir configured = With({"notes.txt"});
  ASSERT_TRUE(configured.SaveConfig({}).ok());
  EXPECT_TRUE(CheckNotForeign(configured).ok());
  const ClusterDir started = With({"notes.txt", "cluster.json"});
  ASSERT_TRUE(started.SaveState({}).ok());
  EXPECT_TRUE(CheckNotForeign(started).ok());
}

TEST_F(OwnershipTest, AStartWritesNothingIntoAForeignDirectory) {
  const ClusterDir dir = With({"cluster.json"});
  LocalClusterOptions options;
  options.dir = dir.path();
  options.bin_dir = root_ + "/no_binaries_here";
  options.port_base = 0;
  EXPECT_EQ(LocalCluster::Start(options).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(*FileSystem::Real()->List(dir.path()), ElementsAre("cluster.json"));
  EXPECT_EQ(*ReadFileToString(FileSystem::Real(), dir.path() + "/cluster.json"), "mine");
}

TEST_F(OwnershipTest, AFirstStartThatFailedMayBeTriedAgain) {
  LocalClusterOptions options;
  options.dir = root_ + "/new";
  options.bin_dir = root_ + "/no_binaries_here";
  options.port_base = 0;
  EXPECT_FALSE(LocalCluster::Start(options).ok());
  EXPECT_TRUE(FileSystem::Real()->Exists(options.dir + "/logs"));
  EXPECT_TRUE(CheckNotForeign(*ClusterDir::At(options.dir)).ok());
}

// What cannot be read is replaced by a start that comes up; one that fails leaves it as it is,
// since that it is there makes the next one look at the directories.
TEST_F(OwnershipTest, AStartThatFailsLeavesAnUnreadableConfig) {
  const ClusterDir dir = With({"cluster.json", "chunkserver1/"});
  LocalClusterOptions options;
  options.dir = dir.path();
  options.bin_dir = root_ + "/no_binaries_here";
  EXPECT_FALSE(LocalCluster::Start(options).ok());
  EXPECT_EQ(*ReadFileToString(FileSystem::Real(), dir.path() + "/cluster.json"), "mine");
  EXPECT_FALSE(FileSystem::Real()->Exists(dir.path() + "/cluster.json.unreadable"));
}

}  // namespace
}  // namespace quern::local
