// A pipeline whose coordinator and client die in the middle ends as an undisturbed one, and a
// changed last stage costs one stage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cluster/cluster.h"
#include "tests/cluster/gate.h"
#include "tests/cluster/test_data.h"

namespace quern::testing {
namespace {

using nlohmann::json;

constexpr absl::Duration kPatience = absl::Seconds(60);

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = Cluster::Start({.chunkservers = 2, .workers = 2});
    ASSERT_NE(cluster_, nullptr);
    const std::string text = RandomText(size_t{1} << 20, /*seed=*/1);
    ASSERT_EQ(cluster_->Dfs({"put", "-", "/text"}, {.stdin_text = text}).exit_code, 0);
    spec_ = cluster_->scratch() + "/three.toml";
    std::ofstream(spec_) << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
[[stage]]
name = "again"
plugin = ")" << JobPath("gated_words")
                         << R"("
input = [{ path = "@count", mapper = "GatedWords" }]
reduce = { tasks = 2, class = "GatedSum" }
params = { map_gate = "/there/is/none" }
[[stage]]
name = "top"
job = "top-n"
input = ["@again"]
output = "top"
params = { n = 50 }
)";
  }

  static std::vector<json> ParseLines(const std::string& text) {
    std::vector<json> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }
  std::vector<json> Lines(const std::vector<std::string>& arguments) {
    return ParseLines(cluster_->Mr(arguments).out);
  }
  // The newest pipeline; null when there is none.
  json Newest() {
    for (const json& one : Lines({"list", "--json"})) {
      if (one.contains("stages")) return Lines({"status", one.at("job"), "--json"}).at(0);
    }
    return {};
  }
  std::string StageState(size_t stage) {
    const json pipeline = Newest();
    return pipeline.is_null() ? "" : pipeline.at("stages").at(stage).at("state").get<std::string>();
  }
  size_t Jobs() {
    size_t jobs = 0;
    for (const json& one : Lines({"list", "--json"})) jobs += one.contains("stages") ? 0 : 1;
    return jobs;
  }
  // What `mr explain` says becomes of each stage. Nothing in the cluster may change.
  std::vector<std::string> Explain(const std::vector<std::string>& flags) {
    const std::string before = cluster_->Dfs({"ls", "-R", "/"}).out;
    std::vector<std::string> words = {"explain", spec_, "/text", "/out", "--json"};
    words.insert(words.end(), flags.begin(), flags.end());
    const CommandResult explained = cluster_->Mr(words);
    EXPECT_EQ(explained.exit_code, 0) << explained.Describe();
    std::vector<std::string> states;
    for (const json& stage : ParseLines(explained.out)) {
      EXPECT_EQ(stage.at("problems"), json::array());
      states.push_back(stage.at("state"));
    }
    EXPECT_EQ(cluster_->Dfs({"ls", "-R", "/"}).out, before);
    return states;
  }
  std::string Output(const std::string& out) {
    const CommandResult read = cluster_->Dfs({"cat", out + "/top/part-*"});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    return read.out;
  }

  std::unique_ptr<Cluster> cluster_;
  std::string spec_;
};

TEST_F(PipelineTest, SurvivesItsCoordinatorAndItsClientAndIsNotRunAgain) {
  EXPECT_THAT(Explain({}),
              ::testing::AllOf(::testing::SizeIs(3),
                               ::testing::Each("runs, since its plugin or a file is new")));
  const CommandResult plain = cluster_->Mr({"run", spec_, "/text", "/plain"});
  ASSERT_EQ(plain.exit_code, 0) << plain.Describe();
  EXPECT_EQ(cluster_->Dfs({"ls", "/.quern/pipelines"}).out, "") << "nothing is left between stages";

  Gate gate(cluster_->scratch() + "/gate");
  auto client = cluster_->StartCommand({"mr", "run", spec_, "/text", "/out", "--keep", "--set",
                                        "again.params.map_gate=" + gate.path()});
  ASSERT_TRUE(cluster_->Eventually([&] { return StageState(1) == "RUNNING"; }, kPatience));
  EXPECT_EQ(cluster_->Dfs({"test", "-e", "/out"}).exit_code, 1);
  client->Signal(SIGKILL);
  cluster_->Kill("coordinator");
  gate.Open();
  cluster_->Restart("coordinator");
  const std::string id = Newest().at("job");
  const CommandResult watched = cluster_->Mr({"watch", id});
  ASSERT_EQ(watched.exit_code, 0) << watched.Describe();
  EXPECT_TRUE(Output("/out") == Output("/plain"));

  const std::vector<std::string> change = {"--set", "top.n=5", "--set",
                                           "again.params.map_gate=" + gate.path(), "--overwrite"};
  EXPECT_THAT(Explain(change),
              ::testing::ElementsAre(::testing::HasSubstr("nobody has to read"),
                                     ::testing::HasSubstr("an earlier run"), "runs"));
  const size_t before = Jobs();
  const CommandResult changed =
      cluster_->Mr({"run", spec_, "/text", "/out", "--overwrite", "--set", "top.n=5", "--set",
                    "again.params.map_gate=" + gate.path()});
  ASSERT_EQ(changed.exit_code, 0) << changed.Describe();
  EXPECT_EQ(Jobs(), before + 1);
  EXPECT_EQ(StageState(0), "NOT_NEEDED");
  EXPECT_EQ(StageState(1), "REUSED");
  EXPECT_EQ(StageState(2), "DONE");
  EXPECT_TRUE(Output("/plain").starts_with(Output("/out")));
  EXPECT_EQ(cluster_->Mr({"drop", id}).exit_code, 0);
  EXPECT_EQ(cluster_->Dfs({"ls", "/.quern/pipelines"}).out, "");
}

// A coordinator that has lost its journal knows it no more.
TEST_F(PipelineTest, OneThatRanIsNotCalledRejectedWhenItCannotBeWatched) {
  Gate gate(cluster_->scratch() + "/gate");
  auto client = cluster_->StartCommand(
      {"mr", "run", spec_, "/text", "/out", "--set", "again.params.map_gate=" + gate.path()});
  ASSERT_TRUE(cluster_->Eventually([&] { return StageState(1) == "RUNNING"; }, kPatience));
  cluster_->Kill("coordinator");
  const std::string dir = cluster_->spec("coordinator").dir;
  std::filesystem::rename(dir, cluster_->scratch() + "/journal");
  std::filesystem::create_directory(dir);
  cluster_->Restart("coordinator");
  const CommandResult ended = client->Finish();
  EXPECT_EQ(ended.exit_code, 1) << ended.Describe();
  gate.Open();
}

// An output that a user has touched is made again, and nothing of the user's is replaced.
TEST_F(PipelineTest, WhatWasTouchedIsMadeAgainAndWhatIsNotOursStays) {
  const auto run = [&](const std::string& more) {
    return cluster_->Mr({"run", spec_, "/{text,te*}", "/out", "--keep", "--overwrite", "--set",
                         "again.output.path=again", "--set", "top.n=" + more});
  };
  const CommandResult first = run("50");
  ASSERT_EQ(first.exit_code, 0) << first.Describe();
  const std::string plain = Output("/out");
  ASSERT_EQ(cluster_->Mr({"run", spec_, "/text", "/once"}).exit_code, 0);
  EXPECT_TRUE(plain == Output("/once")) << "a file that two matches lead to is read once";

  ASSERT_EQ(run("49").exit_code, 0);
  EXPECT_EQ(StageState(1), "REUSED");
  ASSERT_EQ(cluster_->Dfs({"rm", "/out/again/part-r-00001"}).exit_code, 0);
  const CommandResult healed = run("50");
  ASSERT_EQ(healed.exit_code, 0) << healed.Describe();
  EXPECT_EQ(StageState(1), "DONE");
  EXPECT_TRUE(Output("/out") == plain);

  ASSERT_EQ(cluster_->Dfs({"put", "-", "/out/top/notes"}, {.stdin_text = "mine"}).exit_code, 0);
  const CommandResult refused = run("49");
  EXPECT_EQ(refused.exit_code, 3) << refused.Describe();
  EXPECT_THAT(refused.err, ::testing::HasSubstr("notes in it"));
  EXPECT_EQ(cluster_->Dfs({"cat", "/out/top/notes"}).out, "mine");
  EXPECT_EQ(cluster_->Dfs({"rm", "/out/top/notes"}).exit_code, 0);

  // While a job runs.
  Gate gate(cluster_->scratch() + "/gate");
  auto client = cluster_->StartCommand({"mr", "run", spec_, "/text", "/new", "--overwrite", "--set",
                                        "again.params.map_gate=" + gate.path()});
  ASSERT_TRUE(cluster_->Eventually([&] { return StageState(1) == "RUNNING"; }, kPatience));
  ASSERT_EQ(cluster_->Dfs({"mkdir", "-p", "/new/top"}).exit_code, 0);
  ASSERT_EQ(cluster_->Dfs({"put", "-", "/new/top/mine"}, {.stdin_text = "mine"}).exit_code, 0);
  gate.Open();
  const CommandResult late = client->Finish();
  EXPECT_EQ(late.exit_code, 1) << late.Describe();
  EXPECT_EQ(cluster_->Dfs({"cat", "/new/top/mine"}).out, "mine");
  ASSERT_EQ(cluster_->Dfs({"rm", "-r", "/new"}).exit_code, 0);
  const size_t before = Jobs();
  ASSERT_EQ(cluster_->Mr({"rerun", Newest().at("job"), "--resume"}).exit_code, 0);
  EXPECT_EQ(Jobs(), before) << "everything had been made";
  EXPECT_TRUE(Output("/new") == plain);
}

// Each of five stages publishes below OUT, and none has to be kept elsewhere.
TEST_F(PipelineTest, AChangedLastStageRunsOneStageOfFive) {
  const std::string five = cluster_->scratch() + "/five.toml";
  std::ofstream out(five);
  out << R"(
[[stage]]
name = "count"
job = "wordcount"
input = ["@in"]
output = "count"
)";
  std::string before_it = "count";
  for (const std::string name : {"second", "third", "fourth"}) {
    out << "[[stage]]\nname = \"" << name << "\"\nplugin = \"" << JobPath("gated_words")
        << "\"\ninput = [{ path = \"@" << before_it << "\", mapper = \"GatedWords\" }]\n"
        << "reduce = { tasks = 2, class = \"GatedSum\" }\noutput = \"words/" << name << "\"\n";
    before_it = name;
  }
  out << R"(
[[stage]]
name = "top"
job = "top-n"
input = ["@fourth"]
output = "top"
params = { n = 50 }
)";
  out.close();
  const CommandResult first = cluster_->Mr({"run", five, "/text", "/out"});
  ASSERT_EQ(first.exit_code, 0) << first.Describe();
  const std::string counted = cluster_->Dfs({"cat", "/out/count/part-*"}).out;
  ASSERT_FALSE(counted.empty());

  const size_t before = Jobs();
  const CommandResult changed =
      cluster_->Mr({"run", five, "/text", "/out", "--overwrite", "--set", "top.n=5"});
  ASSERT_EQ(changed.exit_code, 0) << changed.Describe();
  EXPECT_EQ(Jobs(), before + 1);
  for (size_t stage = 0; stage < 4; ++stage) EXPECT_EQ(StageState(stage), "REUSED") << stage;
  EXPECT_EQ(StageState(4), "DONE");
  EXPECT_TRUE(cluster_->Dfs({"cat", "/out/count/part-*"}).out == counted);
  EXPECT_EQ(cluster_->Dfs({"test", "-e", "/out/words/third/_SUCCESS"}).exit_code, 0);

  const CommandResult fresh = cluster_->Mr({"run", five, "/text", "/fresh", "--set", "top.n=5"});
  ASSERT_EQ(fresh.exit_code, 0) << fresh.Describe();
  EXPECT_TRUE(Output("/out") == Output("/fresh"));
  EXPECT_EQ(cluster_->Dfs({"ls", "/.quern/pipelines"}).out, "") << "nothing is left between stages";
}

TEST_F(PipelineTest, KillStopsItAndResumeGoesOn) {
  Gate gate(cluster_->scratch() + "/gate");
  auto client = cluster_->StartCommand(
      {"mr", "run", spec_, "/text", "/out", "--set", "again.params.map_gate=" + gate.path()});
  ASSERT_TRUE(cluster_->Eventually([&] { return StageState(1) == "RUNNING"; }, kPatience));
  const std::string id = Newest().at("job");
  ASSERT_EQ(cluster_->Mr({"kill", id}).exit_code, 0);
  EXPECT_EQ(client->Finish().exit_code, 1);
  gate.Open();
  const size_t before = Jobs();
  const CommandResult resumed = cluster_->Mr({"rerun", id, "--resume"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.Describe();
  EXPECT_EQ(Jobs(), before + 2) << "the first stage had been finished";
}

// a links to b and c, b to c, c nowhere. By hand: b = 1.425 a, c = 2.63625 a, and the sum is 1.
TEST_F(PipelineTest, PageRankOfAGraphThatIsKnown) {
  const std::string edges = "a\tb\na\tc\textra\nb\tc\na\tc\nno edge\n";
  ASSERT_EQ(cluster_->Dfs({"put", "-", "/edges"}, {.stdin_text = edges}).exit_code, 0);
  const CommandResult run =
      cluster_->Mr({"run", "pagerank", "/edges", "/ranks", "--set", "ranks.reduce.tasks=2"});
  ASSERT_EQ(run.exit_code, 0) << run.Describe();
  std::map<std::string, double> ranks;
  std::istringstream out(cluster_->Dfs({"cat", "/ranks/part-*"}).out);
  std::string node;
  for (double rank = 0; out >> node >> rank;) ranks[node] = rank;
  EXPECT_EQ(ranks.size(), 3u);
  EXPECT_NEAR(ranks["a"], 0.05 / 0.2530625, 1e-9);
  EXPECT_NEAR(ranks["b"], 1.425 * 0.05 / 0.2530625, 1e-9);
  EXPECT_NEAR(ranks["c"], 2.63625 * 0.05 / 0.2530625, 1e-9);
}

}  // namespace
}  // namespace quern::testing
