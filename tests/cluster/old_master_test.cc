// An old copy of the master's directory is put back, by mistake and on purpose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cluster/cluster.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class OldMaster : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 3, .workers = 1, .replication = 2});
    ASSERT_NE(cluster_, nullptr);
    for (int i = 0; i < 4; ++i) Put("/old" + std::to_string(i));
    cluster_->Kill("master");
    fs::copy(Dir(), Dir() + ".copy", fs::copy_options::recursive);
    cluster_->Restart("master");
    for (int i = 0; i < 8; ++i) Put("/new" + std::to_string(i));
    cluster_->Kill("master");
  }

  std::string Dir() { return cluster_->spec("master").dir; }
  // The master is dead: gives it this directory in place of the present one, and starts it.
  void StartOn(const std::string& dir, const std::string& keep_present_as) {
    fs::rename(Dir(), keep_present_as);
    fs::rename(dir, Dir());
    cluster_->Restart("master");
  }
  // Long enough that each replica is a data file, which can be counted.
  static std::string Contents(const std::string& path) {
    return "this is " + path + std::string(40'000, '.');
  }
  void Put(const std::string& path) {
    const CommandResult put = cluster_->Dfs({"put", "-", path}, {.stdin_text = Contents(path)});
    ASSERT_EQ(put.exit_code, 0) << put.Describe();
  }
  ::testing::AssertionResult Reads(const std::string& path) {
    const CommandResult cat = cluster_->Dfs({"cat", path});
    if (cat.exit_code == 0 && cat.out == Contents(path)) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << cat.Describe();
  }
  bool Halted() {
    const CommandResult health = cluster_->Dfs({"health"});
    return health.exit_code != 0 && health.out.find("old copy") != std::string::npos;
  }
  // Data files of chunks on all chunkservers.
  size_t CountReplicas() {
    size_t count = 0;
    for (int i = 1; i <= 3; ++i) {
      const std::string dir = cluster_->spec("chunkserver" + std::to_string(i)).dir + "/data";
      if (!fs::exists(dir)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(dir)) {
        count += entry.is_regular_file();
      }
    }
    return count;
  }

  std::unique_ptr<Cluster> cluster_;
};

TEST_F(OldMaster, DeletesNothingAndTheRightOneGoesOn) {
  const size_t replicas = CountReplicas();
  ASSERT_EQ(replicas, 24u);
  StartOn(Dir() + ".copy", Dir() + ".right");
  ASSERT_TRUE(cluster_->Eventually([&] { return Halted(); }));
  const CommandResult report = cluster_->Dfs({"admin", "report"});
  EXPECT_THAT(report.out, HasSubstr("HALTED"));
  const CommandResult put = cluster_->Dfs({"put", "-", "/more"}, {.stdin_text = "x"});
  EXPECT_NE(put.exit_code, 0);
  EXPECT_THAT(put.err, HasSubstr("old copy"));
  EXPECT_EQ(cluster_->Dfs({"mkdir", "/dir"}).exit_code, 1);
  // Its own changes would overtake the log index of the newer one, were it to make any.
  for (int i = 0; i < 20; ++i) cluster_->Dfs({"rm", "/old" + std::to_string(i % 4)});
  EXPECT_EQ(CountReplicas(), replicas);

  cluster_->Kill("master");
  StartOn(Dir() + ".right", Dir() + ".copy");
  ASSERT_TRUE(cluster_->Eventually([&] { return cluster_->Dfs({"fsck", "/"}).exit_code == 0; }));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Reads("/old" + std::to_string(i)));
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Reads("/new" + std::to_string(i)));
  EXPECT_EQ(CountReplicas(), replicas);
  Put("/more");
}

TEST_F(OldMaster, IsAdoptedOnPurposeAndGivesOutNoIdTwice) {
  const size_t replicas = CountReplicas();
  StartOn(Dir() + ".copy", Dir() + ".lost");
  ASSERT_TRUE(cluster_->Eventually([&] { return Halted(); }));
  ASSERT_TRUE(cluster_->Eventually([&] {
    const CommandResult told = cluster_->Dfs({"admin", "adopt-history"});
    return told.out.find("chunkserver") != std::string::npos &&
           told.out.find("not been heard of") == std::string::npos;
  }));
  EXPECT_TRUE(Halted()) << "telling is not doing";
  const CommandResult adopted = cluster_->Dfs({"admin", "adopt-history", "--confirm"});
  ASSERT_EQ(adopted.exit_code, 0) << adopted.Describe();
  ASSERT_TRUE(cluster_->Eventually([&] { return cluster_->Dfs({"fsck", "/"}).exit_code == 0; }));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Reads("/old" + std::to_string(i)));
  EXPECT_NE(cluster_->Dfs({"cat", "/new0"}).exit_code, 0);
  Put("/new0");
  EXPECT_TRUE(Reads("/new0"));
  EXPECT_EQ(CountReplicas(), replicas + 2) << "what it does not know is put aside, not removed";
  cluster_->StopAndStart();
  EXPECT_TRUE(cluster_->Eventually([&] { return cluster_->Dfs({"fsck", "/"}).exit_code == 0; }));
  EXPECT_TRUE(Reads("/new0"));
}

}  // namespace
}  // namespace quern::testing
