#include "deploy/local/local_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/subprocess.h"

namespace quern::local {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ResolveConfig, DefaultsAreThreeAndTwo) {
  const auto config = ResolveConfig(std::nullopt, {});
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->chunkservers, 3);
  EXPECT_EQ(config->workers, 2);
  EXPECT_EQ(config->replication, 3);
  EXPECT_EQ(config->port_base, 9400);
}

TEST(ResolveConfig, WhatIsNotGivenStaysAsItWas) {
  ClusterConfig kept{.chunkservers = 5, .workers = 4, .replication = 2, .port_base = 0};
  kept.ports["master"] = {1, 2};
  LocalClusterOptions options;
  options.workers = 1;
  const auto config = ResolveConfig(kept, options);
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->chunkservers, 5);
  EXPECT_EQ(config->workers, 1);
  EXPECT_EQ(config->replication, 2);
  EXPECT_EQ(config->ports.at("master").rpc, 1);
}

TEST(ResolveConfig, AnotherPortBaseDropsTheKeptPorts) {
  ClusterConfig kept{.port_base = 0};
  kept.ports["master"] = {1, 2};
  LocalClusterOptions options;
  options.port_base = 9600;
  EXPECT_TRUE(ResolveConfig(kept, options)->ports.empty());
}

TEST(ResolveConfig, RefusesWhatCannotWork) {
  const auto refused = [](auto set) {
    LocalClusterOptions options;
    set(&options);
    return absl::IsInvalidArgument(ResolveConfig(std::nullopt, options).status());
  };
  EXPECT_TRUE(refused([](auto* o) { o->chunkservers = 0; }));
  EXPECT_TRUE(refused([](auto* o) { o->workers = -1; }));
  EXPECT_TRUE(refused([](auto* o) { o->port_base = 65500; }));
  EXPECT_TRUE(refused([](auto* o) { o->replication = 4; }));
  EXPECT_FALSE(refused([](auto* o) { o->chunkservers = 1; }));
}

class LocalClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "local_cluster_XXXXXX";
    path_ = mkdtemp(pattern.data());
    options_.dir = path_;
    options_.bin_dir = path_ + "/no_binaries_here";
    dir_.emplace(*ClusterDir::At(path_));
    ASSERT_TRUE(dir_->Make().ok());
    ClusterConfig config{.chunkservers = 2, .workers = 1, .replication = 2, .port_base = 0};
    ASSERT_TRUE(dir_->SaveConfig(config).ok());
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_;
  std::optional<ClusterDir> dir_;
  LocalClusterOptions options_;
};

TEST_F(LocalClusterTest, WhatDidNotComeUpIsNotRemembered) {
  options_.chunkservers = 4;
  EXPECT_FALSE(LocalCluster::Start(options_).ok());
  const auto kept = dir_->LoadConfig();
  ASSERT_TRUE(kept.ok() && kept->has_value()) << kept.status();
  EXPECT_EQ((*kept)->chunkservers, 2);
  EXPECT_TRUE((*kept)->ports.empty());
}

TEST_F(LocalClusterTest, FewerChunkserversThanMayHoldDataAreRefusedUnlessAskedFor) {
  std::filesystem::create_directories(path_ + "/chunkserver2/data");
  options_.chunkservers = 1;
  const auto leaves_out = HasSubstr("chunkserver2 in " + path_ + " may hold data");
  const absl::Status refused = LocalCluster::Start(options_).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(refused)), leaves_out);
  EXPECT_THAT(
      std::string(Message(refused)),
      HasSubstr("Try: add --leave_out if nothing is needed of that, or --chunkservers 2 to"));
  options_.leave_out = true;
  EXPECT_THAT(std::string(Message(LocalCluster::Start(options_).status())), Not(leaves_out));
  std::filesystem::remove_all(path_ + "/chunkserver2");
  options_.leave_out = false;
  EXPECT_THAT(std::string(Message(LocalCluster::Start(options_).status())), Not(leaves_out));
}

// Earlier versions remembered the sizes of starts that failed, too.
TEST_F(LocalClusterTest, TheNumberThatHasEverythingIsNoHigherThanWhatIsThere) {
  ASSERT_TRUE(dir_->SaveConfig({.chunkservers = 50, .workers = 1, .port_base = 0}).ok());
  for (const char* name : {"/chunkserver4", "/chunkserver9", "/chunkserver51"}) {
    std::filesystem::create_directories(path_ + name + "/index");
  }
  options_.chunkservers = 3;
  const auto refused = [&] { return std::string(Message(LocalCluster::Start(options_).status())); };
  EXPECT_THAT(refused(), HasSubstr("chunkserver4, chunkserver9 in " + path_ +
                                   " may hold data and would be left out. Try: add --leave_out if "
                                   "nothing is needed of that, or --chunkservers 9 to have it"));
  options_.chunkservers = 9;
  EXPECT_THAT(refused(), Not(HasSubstr("may hold data"))) << "51 was not there before either";
}

TEST_F(LocalClusterTest, WhatIsLeftOutIsNamedWithAllThatIsToBeRemoved) {
  for (const char* name : {"/chunkserver3", "/chunkserver5"}) {
    std::filesystem::create_directories(path_ + name + "/data");
  }
  std::ofstream(path_ + "/.chunkserver3.quern-disk") << "0123\n";
  EXPECT_EQ(LeftOutNote(*dir_, {3, 5}),
            "chunkserver3, chunkserver5 in " + path_ +
                ": left out. Try: --chunkservers 5 to have what is there; if nothing is needed of "
                "it, remove it whole: rm -r " +
                path_ + "/chunkserver3 " + path_ + "/.chunkserver3.quern-disk " + path_ +
                "/chunkserver5\n");
}

TEST_F(LocalClusterTest, ADiskThatIsMissedIsToldWithTheCommandThatForgetsIt) {
  const std::string why =
      "chunkserver1 ended: is empty. Try: mount it; or start the server once "
      "with --forget_disks ";
  const absl::Status told =
      WithLostDisk(FailedPreconditionError("{}0123abcd. Try: see x", why), {}, *dir_);
  EXPECT_EQ(told.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(told)),
              EndsWith(". Try: see x; or, when the disk is lost for good: quern up --dir " + path_ +
                       " --forget_disks 0123abcd"));
  const absl::Status other = FailedPreconditionError("port 1 is in use");
  EXPECT_EQ(WithLostDisk(other, {}, *dir_), other);
  EXPECT_TRUE(WithLostDisk(absl::OkStatus(), {}, *dir_).ok());
}

// A start that failed is not remembered: without its sizes the command would start other servers,
// none of which has the disk.
TEST_F(LocalClusterTest, TheCommandThatForgetsADiskStartsWhatWasToBeStarted) {
  const absl::Status failed = FailedPreconditionError("once with --forget_disks 0123abcd. Try: x");
  const auto told = [&] { return std::string(Message(WithLostDisk(failed, options_, *dir_))); };
  const std::string up = "for good: quern up --dir " + path_;
  options_.chunkservers = 3;
  EXPECT_THAT(told(), EndsWith(up + " --chunkservers 3 --forget_disks 0123abcd"));
  options_.workers = 0;
  options_.port_base = 9600;
  options_.replication = 1;
  options_.restart = false;
  options_.leave_out = true;
  options_.forget_disks = {"4567", "89ef"};
  EXPECT_THAT(told(),
              EndsWith(up + " --chunkservers 3 --workers 0 --port_base 9600 --replication 1 "
                            "--restart never --leave_out --forget_disks 4567 "
                            "--forget_disks 89ef --forget_disks 0123abcd"));
}

TEST(EndLeftovers, EndsTheProcessesOfTheStateAndNoOthers) {
  const auto leftover = Subprocess::Spawn({"sleep", "1000"}, {});
  const auto stranger = Subprocess::Spawn({"sleep", "1000"}, {});
  ASSERT_TRUE(leftover.ok() && stranger.ok());
  ClusterState state;
  state.servers.push_back({.process = ProcessIdentity::Of((*leftover)->pid())});
  ProcessIdentity reused = ProcessIdentity::Of((*stranger)->pid());
  reused.start_ticks -= 1;  // the number was another process's when the state was written
  state.servers.push_back({.process = reused});
  EXPECT_TRUE(EndLeftovers(state, absl::Seconds(5), Clock::Real()).ok());
  EXPECT_TRUE((*leftover)->WaitFor(absl::ZeroDuration()).has_value());
  EXPECT_FALSE((*stranger)->WaitFor(absl::ZeroDuration()).has_value());
}

}  // namespace
}  // namespace quern::local
