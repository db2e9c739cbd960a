// The loser tree and the choice of what to merge first.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "mapreduce/engine/loser_tree.h"
#include "mapreduce/engine/merge_plan.h"
#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

using LoserTreeTest = RandomTest;

TEST_F(LoserTreeTest, MergesAnyNumberOfSequencesAndKeepsTheOrderOfEqualOnes) {
  for (size_t players = 1; players < 40; ++players) {
    std::vector<std::vector<uint64_t>> sequences(players);
    std::vector<std::pair<uint64_t, size_t>> want;
    for (size_t player = 0; player < players; ++player) {
      for (uint64_t i = Below(20); i > 0; --i) sequences[player].push_back(Below(30));
      std::sort(sequences[player].begin(), sequences[player].end());
      for (uint64_t value : sequences[player]) want.emplace_back(value, player);
    }
    std::sort(want.begin(), want.end());
    std::vector<size_t> at(players);
    const auto value = [&](size_t player) {
      return at[player] < sequences[player].size() ? sequences[player][at[player]] : UINT64_MAX;
    };
    LoserTree tree(players, [&](size_t a, size_t b) {
      return value(a) != value(b) ? value(a) < value(b) : a < b;
    });
    std::vector<std::pair<uint64_t, size_t>> got;
    while (value(tree.winner()) != UINT64_MAX) {
      got.emplace_back(value(tree.winner()), tree.winner());
      ++at[tree.winner()];
      tree.Replay();
    }
    ASSERT_EQ(got, want) << players << " players";
  }
}

TEST(MergePlanTest, MergesTheCheapestNeighboursAndNoMoreThanNeeded) {
  struct Case {
    std::vector<uint64_t> bytes;
    size_t fan_in;
    size_t begin;
    size_t count;
  };
  for (const Case& c : std::vector<Case>{{{5, 1, 1, 5}, 3, 1, 2},
                                         {{1, 1, 9, 9, 9}, 4, 0, 2},
                                         {{9, 9, 9, 1, 1, 1}, 3, 3, 3},
                                         {{1, 1, 1, 1, 1, 1, 1}, 2, 0, 2}}) {
    const MergeWindow window = ChooseMergeWindow(c.bytes, c.fan_in);
    EXPECT_EQ(window.begin, c.begin);
    EXPECT_EQ(window.count, c.count);
  }
}

using MergePlanRandomTest = RandomTest;

TEST_F(MergePlanRandomTest, AlwaysGetsDownToTheFanIn) {
  for (int round = 0; round < 200; ++round) {
    std::vector<uint64_t> sizes(1 + Below(300));
    for (uint64_t& size : sizes) size = Below(1000);
    const size_t fan_in = 2 + Below(20);
    const uint64_t total = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0});
    size_t passes = 0;
    while (sizes.size() > fan_in) {
      const MergeWindow window = ChooseMergeWindow(sizes, fan_in);
      ASSERT_GE(window.count, 2u);
      ASSERT_LE(window.count, fan_in);
      ASSERT_LE(window.begin + window.count, sizes.size());
      const auto begin = sizes.begin() + static_cast<std::ptrdiff_t>(window.begin);
      const auto end = begin + static_cast<std::ptrdiff_t>(window.count);
      *begin = std::accumulate(begin, end, uint64_t{0});
      sizes.erase(begin + 1, end);
      ASSERT_LT(++passes, 400u);
    }
    EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}), total);
  }
}

}  // namespace
}  // namespace quern::mr
