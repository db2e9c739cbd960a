#include "deploy/local/cluster_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "common/storage/file_io.h"

namespace quern::local {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ClusterDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "cluster_dir_XXXXXX";
    path_ = mkdtemp(pattern.data());
    dir_.emplace(*ClusterDir::At(path_));
    ASSERT_TRUE(dir_->Make().ok());
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
  std::optional<ClusterDir> dir_;
};

TEST_F(ClusterDirTest, IsEmptyAtFirst) {
  EXPECT_FALSE(dir_->LoadConfig()->has_value());
  EXPECT_FALSE(dir_->LoadState()->has_value());
}

TEST_F(ClusterDirTest, AnEmptyNameIsNotTheDefault) {
  EXPECT_EQ(ClusterDir::At("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ClusterDir::At(ClusterDir::Default())->path().ends_with("/.quern"));
}

TEST_F(ClusterDirTest, KeepsConfigAndState) {
  ClusterConfig config{.chunkservers = 4, .workers = 1, .replication = 2, .port_base = 0};
  config.ports["master"] = {1, 101};
  ASSERT_TRUE(dir_->SaveConfig(config).ok());
  const auto loaded = dir_->LoadConfig();
  ASSERT_TRUE(loaded.ok() && loaded->has_value()) << loaded.status();
  EXPECT_EQ((*loaded)->chunkservers, 4);
  EXPECT_EQ((*loaded)->port_base, 0);
  EXPECT_EQ((*loaded)->ports.at("master").http, 101);

  ClusterState state;
  state.supervisor = ProcessIdentity::Of(getpid());
  state.up = true;
  state.servers.push_back({.role = "worker", .name = "worker1", .state = "running", .restarts = 3});
  ASSERT_TRUE(dir_->SaveState(state).ok());
  const auto loaded_state = dir_->LoadState();
  ASSERT_TRUE(loaded_state.ok() && loaded_state->has_value()) << loaded_state.status();
  EXPECT_TRUE((*loaded_state)->supervisor.IsAlive());
  EXPECT_EQ((*loaded_state)->servers.at(0).restarts, 3);
}

TEST_F(ClusterDirTest, ADamagedFileIsAnErrorThatNamesIt) {
  std::ofstream(path_ + "/cluster.json") << "{\"chunkservers\": \"three\"";
  const auto loaded = dir_->LoadConfig();
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Message(loaded.status())), HasSubstr(path_ + "/cluster.json"));
}

TEST_F(ClusterDirTest, AnEmptyFileIsToldWithTheNextStep) {
  std::ofstream(path_ + "/state.json").close();
  const auto loaded = dir_->LoadState();
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Message(loaded.status())),
              HasSubstr("state.json: is empty. Try: quern up"));
}

TEST_F(ClusterDirTest, EveryUnreadableConfigIsCopiedToANameOfItsOwn) {
  for (const char* text : {"mine", "yours"}) {
    std::ofstream(path_ + "/cluster.json") << text;
    const std::string name = path_ + "/cluster.json.unreadable";
    const auto copy = dir_->CopyUnreadableConfig();
    ASSERT_TRUE(copy.ok()) << copy.status();
    EXPECT_EQ(*copy, text == std::string("mine") ? name : name + ".2");
    EXPECT_EQ(*ReadFileToString(FileSystem::Real(), *copy), text);
  }
  EXPECT_EQ(*ReadFileToString(FileSystem::Real(), path_ + "/cluster.json.unreadable"), "mine");
  EXPECT_EQ(*ReadFileToString(FileSystem::Real(), path_ + "/cluster.json"), "yours");
}

TEST_F(ClusterDirTest, TheDirectoriesTellTheSizesOfACluster) {
  for (const char* name : {"chunkserver1", "chunkserver2", "chunkserver11", "worker1", "worker2",
                           "chunkserver", "chunkserverx", "master", "logs"}) {
    std::filesystem::create_directory(path_ + "/" + name);
  }
  const auto guess = dir_->GuessConfig();
  ASSERT_TRUE(guess.ok()) << guess.status();
  EXPECT_EQ(guess->chunkservers, 11);
  EXPECT_EQ(guess->workers, 2);
  EXPECT_EQ(guess->replication, 3);
  EXPECT_EQ(guess->port_base, 0);
}

TEST_F(ClusterDirTest, ChunkserversBeyondACountAreThoseWithSomethingInTheirDirectories) {
  for (const char* name : {"chunkserver2/data", "chunkserver3/data", "chunkserver11/data",
                           "chunkserver4", "chunkserverx/data", "worker5/data"}) {
    std::filesystem::create_directories(path_ + "/" + name);
  }
  std::ofstream(path_ + "/chunkserver5") << "a file";
  EXPECT_THAT(dir_->ChunkserversBeyond(2), ElementsAre(3, 11));
  EXPECT_THAT(dir_->ChunkserversBeyond(11), ElementsAre());
  EXPECT_THAT(ClusterDir::At(path_ + "/none")->ChunkserversBeyond(0), ElementsAre());
}

// The note lies also above a directory that is a mount point.
TEST_F(ClusterDirTest, AllOfAChunkserverAreItsDirectoryAndTheNotesBesideIt) {
  const std::string path = path_ + "/q";
  const ClusterDir dir = *ClusterDir::At(path);
  std::filesystem::create_directories(path + "/chunkserver3/data");
  EXPECT_THAT(dir.AllOfChunkserver(3), ElementsAre(path + "/chunkserver3"));
  std::ofstream(path + "/.chunkserver3.quern-disk") << "0123\n";
  std::ofstream(path_ + "/.q.chunkserver3.quern-disk") << "0123\n";
  EXPECT_THAT(dir.AllOfChunkserver(3),
              ElementsAre(path + "/chunkserver3", path + "/.chunkserver3.quern-disk",
                          path_ + "/.q.chunkserver3.quern-disk"));
}

TEST_F(ClusterDirTest, ADirectoryThatIsNotUtf8IsKeptByteForByte) {
  const std::string path = path_ + "/caf\xe9";
  const ClusterDir dir = *ClusterDir::At(path);
  ASSERT_TRUE(dir.Make().ok());
  ClusterState state;
  state.servers.push_back({.name = "master", .dir = path + "/master", .log = "/elsewhere/log"});
  ASSERT_TRUE(dir.SaveState(state).ok());
  const auto loaded = dir.LoadState();
  ASSERT_TRUE(loaded.ok() && loaded->has_value()) << loaded.status();
  EXPECT_EQ((*loaded)->servers.at(0).dir, path + "/master");
  EXPECT_EQ((*loaded)->servers.at(0).log, "/elsewhere/log");
}

TEST_F(ClusterDirTest, OnlyOneMayLockIt) {
  auto first = dir_->Lock();
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = dir_->Lock();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(second.status())), HasSubstr("quern down --dir " + path_));
  first->Reset();
  EXPECT_TRUE(dir_->Lock().ok());
}

TEST_F(ClusterDirTest, ASupervisorThatWasKilledAMomentAgoIsNoCluster) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    // The kernel gives the memory back before it closes the files.
    constexpr size_t kBytes = 256 << 20;
    mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
         0);
    const auto lock = dir_->Lock();
    ClusterState state;
    state.supervisor = ProcessIdentity::Of(getpid());
    const bool held = lock.ok() && dir_->SaveState(state).ok() && write(ready[1], "+", 1) == 1;
    if (held) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_FALSE(dir_->Lock().ok());  // it runs
  kill(child, SIGKILL);
  EXPECT_TRUE(dir_->Lock().ok());
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST(FindAddresses, OfTheClusterThatRunsElseOfTheLastThatCameUp) {
  EXPECT_FALSE(FindAddresses(std::nullopt, std::nullopt).has_value());
  ClusterConfig config;
  EXPECT_FALSE(FindAddresses(std::nullopt, config).has_value()) << "without ports";
  config.ports["master"].rpc = 9400;
  config.ports["coordinator"].rpc = 9420;
  ClusterState state;
  state.servers = {{.role = "master", .name = "master", .rpc = "127.0.0.1:1"},
                   {.role = "coordinator", .name = "coordinator", .rpc = "127.0.0.1:2"}};
  auto found = FindAddresses(state, config);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->master, "127.0.0.1:9400") << "nothing runs";
  EXPECT_EQ(found->coordinator, "127.0.0.1:9420");
  EXPECT_FALSE(found->starting);
  EXPECT_FALSE(FindAddresses(state, std::nullopt).has_value());

  // The first `up`, which has written no cluster.json yet, or one with other ports.
  state.supervisor = ProcessIdentity::Of(getpid());
  for (const auto& kept : {std::optional<ClusterConfig>(), std::optional(config)}) {
    found = FindAddresses(state, kept);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->master, "127.0.0.1:1");
    EXPECT_EQ(found->coordinator, "127.0.0.1:2");
    EXPECT_TRUE(found->starting);
  }
  state.up = true;
  EXPECT_FALSE(FindAddresses(state, config)->starting);
}

}  // namespace
}  // namespace quern::local
