// mr run pagerank against the same iteration in memory, and against ranks that are known.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "tests/jobs/local_jobs.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
using Links = std::map<std::string, std::set<std::string>>;  // every node is in it
using Ranks = std::map<std::string, double>;

// Until no rank moves by more than the tolerance, as the job has it.
Ranks RanksOf(const Links& links, double damping, double tolerance) {
  const double nodes = static_cast<double>(links.size());
  Ranks ranks;
  for (const auto& [node, targets] : links) ranks[node] = 1 / nodes;
  while (true) {
    double loose = 0;
    Ranks sums;
    for (const auto& [node, targets] : links) {
      if (targets.empty()) loose += ranks[node];
      for (const auto& target : targets) {
        sums[target] += ranks[node] / static_cast<double>(targets.size());
      }
    }
    double moved = 0;
    for (auto& [node, rank] : ranks) {
      const double next = (1 - damping + damping * loose) / nodes + damping * sums[node];
      moved = std::max(moved, std::abs(next - rank));
      rank = next;
    }
    if (moved <= tolerance) return ranks;
  }
}

class PageRankTest : public LocalJobsTest {
 protected:
  Outcome RunJob(const std::string& edges, const std::string& flags = "") {
    std::ofstream(dir_ / "edges", std::ios::binary) << edges;
    return Shell(fmt::format(
        "{0}/mr run --local pagerank file://{1}/edges file://{1}/ranks --overwrite {2} 2>&1",
        std::getenv("QUERN_BIN"), dir_.path(), flags));
  }
  Ranks Read() {
    Ranks ranks;
    std::istringstream lines(Shell("cat " + dir_ / "ranks/part-*").out);
    for (std::string line; std::getline(lines, line);) {
      const size_t tab = line.find('\t');
      EXPECT_TRUE(ranks.emplace(line.substr(0, tab), std::stod(line.substr(tab + 1))).second)
          << line;
    }
    return ranks;
  }
  // The same nodes, and ranks that are equal to nine digits.
  static void ExpectNear(const Ranks& ranks, const Ranks& want) {
    ASSERT_EQ(ranks.size(), want.size());
    for (auto a = ranks.begin(), b = want.begin(); a != ranks.end(); ++a, ++b) {
      ASSERT_EQ(a->first, b->first);
      EXPECT_NEAR(a->second, b->second, 1e-9 * b->second + 1e-13) << a->first;
    }
  }
};

TEST_F(PageRankTest, AgreesWithTheSameIterationInMemory) {
  Links links;
  std::string edges;
  for (int i = 0; i < 3'000; ++i) {
    // Squares: few nodes have most of the links to them; a third links nowhere.
    const std::string source = fmt::format("节点 {}", Below(400));
    const std::string target = fmt::format("节点 {}", Below(25) * Below(25));
    links[source].insert(target);
    links[target];
    edges += fmt::format("{}\t{}\tanchor text\n", source, target);
    if (Below(10) == 0) edges += fmt::format("{}\t{}\n", source, target);
  }
  const Ranks want = RanksOf(links, 0.85, 1e-10);
  std::string several;
  for (const std::string stage : {"sources", "targets", "graph", "ranks", "write"}) {
    several += fmt::format(" --set {}.reduce.tasks={}", stage, 1 + Below(4));
  }
  for (const std::string& flags : {std::string(), several}) {
    const Outcome outcome = RunJob(edges, flags);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    ExpectNear(Read(), want);
  }
  const Outcome outcome = RunJob(edges, "--set damping=0.5 --set tolerance=1e-3");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  ExpectNear(Read(), RanksOf(links, 0.5, 1e-3));
}

// All but the hub are equal: x = base, y = base + .85 N x, base = (.15 + .85 y) / (N + 1).
TEST_F(PageRankTest, MoreNodesThanABlockHolds) {
  constexpr int kNodes = 70'000;
  std::string edges;
  for (int i = 0; i < kNodes; ++i) edges += fmt::format("{}\thub\n", i);
  const Outcome outcome = RunJob(edges, "--set sources.reduce.tasks=1");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const Ranks ranks = Read();
  ASSERT_EQ(ranks.size(), size_t{kNodes} + 1);
  const double base = 0.15 / (kNodes + 1 - 0.85 * (1 + 0.85 * kNodes));
  EXPECT_NEAR(ranks.at("hub") / (base * (1 + 0.85 * kNodes)), 1, 1e-9);
  EXPECT_NEAR(ranks.at("0") / base, 1, 1e-6);
  EXPECT_NEAR(ranks.at("69999") / base, 1, 1e-6);
}

// A hub and its leaves, with links both ways: what is wrong with a rank changes its sign in each
// round and shrinks by the damping alone. h = base + .9 L l, l = base + .9 h / L, h + L l = 1.
TEST_F(PageRankTest, RanksThatComeSlowlyToTheirLimitAreWaitedFor) {
  constexpr int kLeaves = 100;
  std::string edges;
  for (int i = 0; i < kLeaves; ++i) edges += fmt::format("hub\t{0}\n{0}\thub\n", i);
  const Outcome outcome = RunJob(edges, "--set damping=0.9 --set tolerance=1e-11");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  const Ranks ranks = Read();
  ASSERT_EQ(ranks.size(), size_t{kLeaves} + 1);
  const double hub = (0.1 / (kLeaves + 1) + 0.9) / 1.9;
  EXPECT_NEAR(ranks.at("hub"), hub, 1e-10);
  EXPECT_NEAR(ranks.at("7"), (1 - hub) / kLeaves, 1e-12);
}

// Two nodes that hand a rank to each other for ever, in the pipeline with fewer rounds.
TEST_F(PageRankTest, RanksThatDoNotComeToTheirLimitAreNotGivenOut) {
  Shell(
      fmt::format("cd {}; sed 's/max = [0-9]*,/max = 20,/' {}/pagerank.toml > pagerank.toml; "
                  "cp {}/libpagerank.so .",
                  dir_.path(), std::getenv("QUERN_JOBS"), std::getenv("QUERN_JOBS")));
  std::ofstream(dir_ / "edges") << "a\tb\nb\ta\nc\ta\n";
  const Outcome outcome = Shell(
      fmt::format("cd {0}; {1}/mr run --local pagerank.toml file://{0}/edges file://{0}/ranks "
                  "--set damping=1 2>&1",
                  dir_.path(), std::getenv("QUERN_BIN")));
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(
      outcome.out,
      HasSubstr("'moved == 0' did not hold after 20 rounds. Try: --set ranks.repeat.max=N"));
  EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "ranks"));
}

TEST_F(PageRankTest, NodesThatLinkToThemselvesOrNowhere) {
  Outcome outcome = RunJob("a\ta\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  ExpectNear(Read(), {{"a", 1}});
  outcome = RunJob("a\tb\nno edge\n\tb\n\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  for (const char* said : {"sources: done, 2 records set aside (", "no_tab 1", "no_node 1"}) {
    EXPECT_THAT(outcome.out, HasSubstr(said));
  }
  ExpectNear(Read(), RanksOf({{"a", {"b"}}, {"b", {}}}, 0.85, 1e-10));
}

TEST_F(PageRankTest, OfAGraphWithoutEdgesNothingComesOut) {
  for (const char* edges : {"", "\n"}) {
    const Outcome outcome = RunJob(edges);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_TRUE(FileSystem::Real()->Exists(dir_ / "ranks/_SUCCESS"));
    EXPECT_TRUE(Read().empty());
  }
}

TEST_F(PageRankTest, LinesThatAreNoEdgesAreNoGraph) {
  const Outcome outcome = RunJob("a b\nb c\n\tc\n");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("EDGES: none of its 3 lines is SOURCE<TAB>TARGET"));
  EXPECT_FALSE(FileSystem::Real()->Exists(dir_ / "ranks"));
}

TEST_F(PageRankTest, WrongParametersAreSaid) {
  for (const char* damping : {"2", "1.5", "-0.1", "abc", "nan", "inf", ""}) {
    const Outcome outcome = RunJob("a\tb\n", fmt::format("--set damping={}", damping));
    EXPECT_EQ(outcome.exit_code, 2) << damping;
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format(
                                 "params.damping: '{}' is not a number from 0 to 1", damping)));
  }
  EXPECT_THAT(RunJob("a\tb\n", "--set ranks.tolerance=2").out,
              HasSubstr("stage ranks: params.tolerance: '2' is not a number from 0 to 1"));
  EXPECT_EQ(RunJob("a\tb\n", "--set dampening=0.5").exit_code, 2);
}

}  // namespace
}  // namespace quern::mr
