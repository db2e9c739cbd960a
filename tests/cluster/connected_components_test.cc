// mr run connected-components on a cluster: what union-find says of the same edges, also when a
// worker dies between its rounds.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/jobs/union_find.h"

namespace quern::testing {
namespace {

using mr::Components;
using nlohmann::json;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr int kNodes = 20'000;

class ConnectedComponentsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 2, .workers = 3});
    ASSERT_NE(cluster_, nullptr);
    // Fewer edges than nodes: a large component, many small ones, and long ways within them.
    std::mt19937_64 random(1);
    const auto node = [&] { return fmt::format("节点 {}", random() % kNodes); };
    std::string edges;
    for (int i = 0; i < kNodes * 6 / 10; ++i) {
      const std::string a = node();
      const std::string b = node();
      edges += fmt::format("{}\t{}\n", a, b);
      right_.Join(a, b);
    }
    ASSERT_EQ(cluster_->Dfs({"put", "-", "/edges"}, {.stdin_text = edges}).exit_code, 0);
  }
  static std::vector<std::string> Words(const std::string& out) {
    return {"run",   "connected-components",     "/edges", out,
            "--set", "stars.reduce.tasks=4",     "--set",  "stars.limits.split=64KiB",
            "--set", "edges.limits.split=64KiB", "--set",  "write.reduce.tasks=3"};
  }
  Components Read(const std::string& out) {
    Components components;
    std::istringstream lines(cluster_->Dfs({"cat", out + "/part-*"}).out);
    for (std::string line; std::getline(lines, line);) {
      const size_t tab = line.find('\t');
      EXPECT_TRUE(components.emplace(line.substr(0, tab), line.substr(tab + 1)).second) << line;
    }
    return components;
  }
  std::string Bytes(const std::string& out) { return cluster_->Dfs({"cat", out + "/part-*"}).out; }
  // Rounds that the pipeline has begun; 0 when there is none.
  size_t Rounds() {
    std::istringstream in(cluster_->Mr({"list", "--json"}).out);
    size_t rounds = 0;
    bool running = false;
    for (std::string line; std::getline(in, line);) {
      const json one = json::parse(line);
      if (one.contains("stages")) {
        running = one.at("state") == "RUNNING";
      } else {
        rounds += one.at("name").get<std::string>().starts_with("connected-components/stars");
      }
    }
    return running ? rounds : 0;
  }

  mr::UnionFind right_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(ConnectedComponentsTest, TheSameComponentsWhateverWorkerDies) {
  std::vector<std::string> words = Words("/killed");
  words.insert(words.begin(), "mr");
  const auto client = cluster_->StartCommand(words);
  ASSERT_TRUE(cluster_->Eventually([&] { return Rounds() >= 2; }, kPatience))
      << client->Finish().Describe();
  cluster_->Kill("worker1");
  const CommandResult killed = client->Finish();
  ASSERT_EQ(killed.exit_code, 0) << killed.Describe();
  EXPECT_EQ(Read("/killed"), right_.All());
  EXPECT_EQ(cluster_->Dfs({"ls", "/.quern/pipelines"}).out, "") << "nothing is left between stages";

  const CommandResult plain = cluster_->Mr(Words("/plain"));
  ASSERT_EQ(plain.exit_code, 0) << plain.Describe();
  EXPECT_TRUE(Bytes("/killed") == Bytes("/plain"));
}

}  // namespace
}  // namespace quern::testing
