#include "jobs/classic/rank_block.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

#include "tests/support/random_test.h"

namespace quern::classic {
namespace {

using Shares = std::map<uint64_t, std::map<size_t, int64_t>>;  // block, node: what it gets

Shares SharesOf(const std::string& block, int64_t first_rank) {
  Shares shares;
  BlockView(block).EmitShares(first_rank, [&](uint64_t to, std::string_view record) {
    std::vector<int64_t> sums(kMaxBlockNodes);
    AddShares(record, sums);
    for (size_t i = 0; i < sums.size(); ++i) {
      if (sums[i] != 0) shares[to][i] += sums[i];
    }
  });
  return shares;
}

class RankBlockTest : public RandomTest {};

TEST_F(RankBlockTest, GivesRanksInEqualSharesAlongAllLinks) {
  constexpr uint32_t kNodes = 50;
  for (int turn = 0; turn < 50; ++turn) {
    std::map<BlockLink, bool> links;
    for (uint64_t i = Below(400); i > 0; --i) {
      links[{Below(3) << 33, static_cast<uint16_t>(65'535 - Below(20)),
             static_cast<uint16_t>(Below(kNodes))}] = true;
    }
    std::vector<int64_t> degrees(kNodes);
    for (const auto& [link, is_there] : links) ++degrees[link.source];
    // As they come: in several records, in no order.
    std::vector<std::string> records(3);
    for (const auto& [link, is_there] : links) AppendLink(link, &records[Below(3)]);
    std::vector<BlockLink> read;
    for (const std::string& record : records) {
      if (!record.empty()) ReadLinks(record, &read);
      if (!record.empty() && Below(2) == 0) ReadLinks(record, &read);  // some of them twice
    }
    std::string block = MakeBlock(kNodes, &read);
    for (size_t i = 0; i < kNodes; ++i) {
      EXPECT_EQ(BlockView(block).rank(i), kNoRank);
      EXPECT_EQ(BlockView(block).degree(i), degrees[i]);
    }
    std::vector<int64_t> ranks(kNodes, 1'000'003);
    for (const bool is_first : {true, false}) {
      Shares want;
      for (const auto& [link, is_there] : links) {
        want[link.block][link.target] += ranks[link.source] / degrees[link.source];
      }
      EXPECT_EQ(SharesOf(block, is_first ? 1'000'003 : 5), want);
      for (size_t i = 0; i < kNodes; ++i) {
        ranks[i] = 1'000 + static_cast<int64_t>(Below(uint64_t{1} << 60));
        SetRank(i, ranks[i], &block);
        EXPECT_EQ(BlockView(block).rank(i), ranks[i]);
      }
    }
  }
}

// Of lines that say the same again and again only what they say is held.
TEST_F(RankBlockTest, LinksThatComeAgainAreNotGathered) {
  std::string record;
  std::string other;
  for (uint16_t i = 0; i < 1'000; ++i) {
    AppendLink({5, i, static_cast<uint16_t>(i % 7)}, &record);
    AppendLink({6, i, 9}, &other);
  }
  LinkGatherer gatherer;
  for (int again = 0; again < 1'200; ++again) {
    gatherer.Add(record);
    ASSERT_LE(gatherer.held(), LinkGatherer::kLeastHeld + 1'000);
  }
  gatherer.Add(other);
  std::vector<BlockLink> links = gatherer.Take();
  EXPECT_EQ(gatherer.held(), 0u);
  const std::string block = MakeBlock(10, &links);
  EXPECT_EQ(links.size(), 2'000u);
  EXPECT_EQ(BlockView(block).degree(0), 143u);
  EXPECT_EQ(BlockView(block).degree(9), 1'000u);
}

// As long as they differ all are kept, however many they are.
TEST_F(RankBlockTest, MoreDifferentLinksThanAreHeldAtFirst) {
  LinkGatherer gatherer;
  for (uint64_t target_block = 0; target_block < 11; ++target_block) {
    std::string record;
    for (size_t i = 0; i < kMaxBlockNodes; ++i) {
      AppendLink({target_block, static_cast<uint16_t>(i), 1}, &record);
    }
    gatherer.Add(record);
    gatherer.Add(record);
    ASSERT_GE(gatherer.held(), (target_block + 1) * kMaxBlockNodes);
  }
  std::vector<BlockLink> links = gatherer.Take();
  MakeBlock(2, &links);
  EXPECT_EQ(links.size(), 11 * kMaxBlockNodes);
}

TEST_F(RankBlockTest, ATargetOfAsManyNodesAsABlockHolds) {
  std::vector<BlockLink> links;
  for (size_t i = 0; i < kMaxBlockNodes; ++i) links.push_back({7, 3, static_cast<uint16_t>(i)});
  const std::string block = MakeBlock(kMaxBlockNodes, &links);
  EXPECT_EQ(SharesOf(block, 10), (Shares{{7, {{3, 10 * int64_t{kMaxBlockNodes}}}}}));
}

TEST_F(RankBlockTest, KeysKeepBlocksApartAndTogether) {
  const BlockNumber with{3, true, 9};
  const BlockNumber without{3, false, 9};
  EXPECT_NE(with.Packed(), without.Packed());
  EXPECT_EQ(BlockOfKey(BlockKey(with.Packed())), with.Packed());
  EXPECT_EQ(TaskOfBlock(with.Packed(), 8), 3u);
  EXPECT_EQ(TaskOfBlock(without.Packed(), 8), 3u);
  EXPECT_EQ(TaskOfBlock(with.Packed(), 2), 1u);
  EXPECT_THROW(BlockOfKey("short"), std::invalid_argument);
}

// Every record that ends too early is refused, whatever is missing.
TEST_F(RankBlockTest, CutRecordsAreRefused) {
  std::vector<BlockLink> links = {{1, 2, 0}, {1, 2, 1}, {1, 5, 1}, {4, 0, 2}};
  const std::string block = MakeBlock(3, &links);
  const auto none = [](uint64_t, std::string_view) {};
  const size_t whole_groups[] = {5 + 3 * 12, 5 + 3 * 12 + 16 + 2 * 4 + 3 * 2};
  for (size_t size = 0; size < block.size(); ++size) {
    // Cut between groups it is a block with fewer links.
    if (size == whole_groups[0] || size == whole_groups[1]) continue;
    EXPECT_THROW(BlockView(std::string_view(block).substr(0, size)).EmitShares(1, none),
                 std::invalid_argument)
        << size;
  }
  std::string shares;
  BlockView(block).EmitShares(60, [&](uint64_t, std::string_view record) { shares = record; });
  std::vector<int64_t> sums(1);
  for (size_t size = 0; size < shares.size(); ++size) {
    EXPECT_THROW(AddShares(std::string_view(shares).substr(0, size), sums), std::invalid_argument);
  }
  AddShares(shares, sums);
  EXPECT_EQ(sums[0], 60);
  EXPECT_THROW(AddShares(block, sums), std::invalid_argument);
  EXPECT_THROW(AddShares(shares, {}), std::invalid_argument);
}

}  // namespace
}  // namespace quern::classic
