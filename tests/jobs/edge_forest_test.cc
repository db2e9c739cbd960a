#include "jobs/classic/edge_forest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/jobs/union_find.h"
#include "tests/support/random_test.h"

namespace quern::classic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Edges = std::vector<std::pair<std::string, std::string>>;

Edges EdgesOf(EdgeForest* forest) {
  Edges edges;
  forest->ForEach([&](auto node, auto least) { edges.emplace_back(node, least); }, [](auto) {});
  return edges;
}

std::vector<std::string> AloneIn(EdgeForest* forest) {
  std::vector<std::string> alone;
  forest->ForEach([](auto, auto) {}, [&](auto node) { alone.emplace_back(node); });
  return alone;
}

class EdgeForestTest : public RandomTest {};

TEST_F(EdgeForestTest, IsEmptyAtFirst) {
  EdgeForest forest(2);
  EXPECT_THAT(EdgesOf(&forest), IsEmpty());
  EXPECT_THAT(AloneIn(&forest), IsEmpty());
}

TEST_F(EdgeForestTest, TheLeastAsBytesIsTheRoot) {
  EdgeForest forest(100);
  EXPECT_TRUE(forest.Join("b", "c"));
  EXPECT_TRUE(forest.Join("c", "b"));
  EXPECT_TRUE(forest.Join("\xff", ""));
  EXPECT_TRUE(forest.Join("c", "a"));
  EXPECT_THAT(EdgesOf(&forest),
              ElementsAre(std::pair("b", "a"), std::pair("c", "a"), std::pair("\xff", "")));
  EXPECT_THAT(AloneIn(&forest), IsEmpty());
}

TEST_F(EdgeForestTest, ANodeThatLeadsToItselfIsAloneUntilItHasAnotherEdge) {
  EdgeForest forest(100);
  EXPECT_TRUE(forest.Join("a", "a"));
  EXPECT_TRUE(forest.Join("b", "b"));
  EXPECT_THAT(AloneIn(&forest), ElementsAre("a", "b"));
  EXPECT_TRUE(forest.Join("c", "a"));
  EXPECT_TRUE(forest.Join("a", "a"));
  EXPECT_THAT(AloneIn(&forest), ElementsAre("b"));
  EXPECT_THAT(EdgesOf(&forest), ElementsAre(std::pair("c", "a")));
}

TEST_F(EdgeForestTest, TakesNothingInWhereThereIsNoRoom) {
  EdgeForest forest(3);
  EXPECT_TRUE(forest.Join("a", "b"));
  EXPECT_FALSE(forest.Join("c", "d"));
  EXPECT_THAT(EdgesOf(&forest), ElementsAre(std::pair("b", "a")));
  forest.Clear();
  EXPECT_THAT(EdgesOf(&forest), IsEmpty());
  EXPECT_TRUE(forest.Join("c", "d"));
  EXPECT_THAT(EdgesOf(&forest), ElementsAre(std::pair("d", "c")));

  const std::string half(3 * EdgeForest::kNameBytes / 2, 'x');
  forest.Clear();
  EXPECT_FALSE(forest.Join(half, half + "y")) << "a byte too much";
  EXPECT_TRUE(forest.Join(half, half.substr(1) + "y"));
  EXPECT_FALSE(forest.Join("", "z"));
}

// Beside a union-find of std::map, over several fillings of the same memory.
TEST_F(EdgeForestTest, RandomEdges) {
  EdgeForest forest(5'000);
  for (const uint64_t nodes : {3u, 50u, 4'000u}) {
    mr::UnionFind right;
    for (uint64_t i = 0; i < nodes * 2 / 3; ++i) {
      const std::string a = std::to_string(Below(nodes));
      const std::string b = std::to_string(Below(nodes));
      ASSERT_TRUE(forest.Join(a, b));
      right.Join(a, b);
    }
    mr::Components components;
    for (const auto& [node, least] : EdgesOf(&forest)) {
      components[node] = least;
      components[least] = least;
    }
    for (const std::string& node : AloneIn(&forest)) components[node] = node;
    EXPECT_EQ(components, right.All());
    forest.Clear();
  }
}

}  // namespace
}  // namespace quern::classic
