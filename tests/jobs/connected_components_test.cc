// mr run connected-components against union-find over the same edges.
#include <gmock/gmock.h>

#include <map>
#include <numeric>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/jobs/local_jobs.h"
#include "tests/jobs/union_find.h"

namespace quern::mr {
namespace {

using ::testing::HasSubstr;
class ConnectedComponentsTest : public LocalJobsTest {
 protected:
  void Write(const std::string& text) { std::ofstream(dir_ / "edges", std::ios::binary) << text; }
  Outcome RunJob(const std::string& flags = "") {
    return Shell(fmt::format(
        "{0}/mr run --local connected-components file://{1}/edges file://{1}/out --overwrite {2} "
        "2>&1",
        std::getenv("QUERN_BIN"), dir_.path(), flags));
  }
  std::string Output() { return Shell(fmt::format("cat {}/out/part-*", dir_.path())).out; }
  Components Read() {
    Components components;
    std::istringstream lines(Output());
    for (std::string line; std::getline(lines, line);) {
      const size_t tab = line.find('\t');
      EXPECT_TRUE(components.emplace(line.substr(0, tab), line.substr(tab + 1)).second) << line;
    }
    return components;
  }
  // What the job says of these edges is what union-find says of them.
  void ExpectRight(const std::vector<std::pair<std::string, std::string>>& edges,
                   const std::string& flags = "") {
    std::string text;
    UnionFind right;
    for (const auto& [a, b] : edges) {
      text += fmt::format("{}\t{}\n", a, b);
      right.Join(a, b);
    }
    Write(text);
    const Outcome outcome = RunJob(flags);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
    EXPECT_EQ(Read(), right.All());
  }
};

TEST_F(ConnectedComponentsTest, NamesOfAnyKindAndNodesThatLinkToThemselves) {
  Write(
      "b\ta\nc\tb\textra\td\na name\tanother one\n北京\t上海\n上海\t北京\nalone\talone\n"
      "\xff\xfe\t\x80\nb\ta\n");
  const Outcome outcome = RunJob();
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Read(), (Components{{"a", "a"},
                                {"b", "a"},
                                {"c", "a"},
                                {"a name", "a name"},
                                {"another one", "a name"},
                                {"上海", "上海"},
                                {"北京", "上海"},
                                {"alone", "alone"},
                                {"\x80", "\x80"},
                                {"\xff\xfe", "\x80"}}));
}

TEST_F(ConnectedComponentsTest, RandomGraphs) {
  for (const uint64_t nodes : {30u, 300u, 3'000u}) {
    std::vector<std::pair<std::string, std::string>> edges;
    // About as many edges as nodes over two: components of all sizes.
    for (uint64_t i = 0; i < nodes * 6 / 10; ++i) {
      edges.emplace_back(fmt::format("n {}", Below(nodes)), fmt::format("n {}", Below(nodes)));
    }
    ExpectRight(edges, "--set stars.reduce.tasks=3 --set write.reduce.tasks=2");
  }
}

// Forests that are full after an edge or two: the rounds have to do what they have not done.
TEST_F(ConnectedComponentsTest, ForestsOfFewNodes) {
  for (const int most : {2, 3, 40}) {
    std::vector<std::pair<std::string, std::string>> edges;
    for (int i = 0; i < 200; ++i) {
      const std::string a = fmt::format("{}", Below(150));
      edges.emplace_back(a, OneIn(4) ? a : fmt::format("{}", Below(150)));
    }
    ExpectRight(edges, fmt::format("--set edges.params.nodes_in_memory={}", most));
  }
}

TEST_F(ConnectedComponentsTest, NamesThatAreLongerThanAForest) {
  const std::string x(100, 'x');
  const std::string y(1'000, 'y');
  ExpectRight({{"b", x}, {x, x}, {y, y}, {x, "a"}, {y, "c"}, {"d", "d"}, {y + "z", y + "z"}},
              "--set edges.params.nodes_in_memory=2");
}

TEST_F(ConnectedComponentsTest, AChainWhoseEdgesAreInNoOrder) {
  constexpr size_t kNodes = 2'000;
  std::vector<uint64_t> order(kNodes);
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = kNodes - 1; i > 0; --i) std::swap(order[i], order[Below(i + 1)]);
  std::vector<std::pair<std::string, std::string>> edges;
  for (size_t i = 1; i < kNodes; ++i) {
    edges.emplace_back(fmt::format("{}", order[i - 1]), fmt::format("{}", order[i]));
  }
  ExpectRight(edges);
}

TEST_F(ConnectedComponentsTest, WithoutEdgesThereAreNoNodes) {
  Write("");
  const Outcome outcome = RunJob();
  EXPECT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Output(), "");
}

TEST_F(ConnectedComponentsTest, LinesWithoutTwoNodesAreSkipped) {
  Write("a\tb\nno tab\n\tb\nc\t\n\n\xef\xbb\xbf\n");
  const Outcome outcome = RunJob("--json");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out;
  EXPECT_EQ(Read(), (Components{{"a", "a"}, {"b", "a"}}));
  EXPECT_THAT(outcome.out, HasSubstr("\"quern.map_skipped_records: no_node\":2"));
}

TEST_F(ConnectedComponentsTest, LinesThatAreNoEdgesAreNoGraph) {
  Write("a b\nc d\n");
  const Outcome outcome = RunJob();
  EXPECT_EQ(outcome.exit_code, 1) << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("EDGES: none of its 2 lines is SOURCE<TAB>TARGET"));
}

TEST_F(ConnectedComponentsTest, WrongArgumentsAreSaid) {
  Write("a\tb\n");
  EXPECT_EQ(RunJob("--set damping=0.5").exit_code, 2);
  const std::string mr = std::getenv("QUERN_BIN") + std::string("/mr run --local ");
  const Outcome nothing = Shell(mr + "connected-components 2>&1");
  EXPECT_EQ(nothing.exit_code, 2) << nothing.out;
  EXPECT_THAT(nothing.out, HasSubstr("usage: mr run connected-components EDGES OUT"));
  const Outcome missing = Shell(
      fmt::format("{0} connected-components file://{1}/none file://{1}/out 2>&1", mr, dir_.path()));
  EXPECT_EQ(missing.exit_code, 3) << missing.out;
  EXPECT_THAT(missing.out, HasSubstr("none"));
}

}  // namespace
}  // namespace quern::mr
