#include "mapreduce/engine/partitioners.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mapreduce/plan/range_bounds.h"
#include "tests/support/random_test.h"

namespace quern::mr {
namespace {

TEST(HashPartitionerTest, StaysTheSameForEver) {
  const HashPartitioner partitioner;
  // Readers of outputs written long ago look for a key in its part.
  EXPECT_EQ(partitioner.Partition("", 1000), 175u);
  EXPECT_EQ(partitioner.Partition("quern", 1000), 292u);
  EXPECT_EQ(partitioner.Partition("the", 8), 6u);
}

TEST(HashPartitionerTest, SpreadsKeysEvenly) {
  const HashPartitioner partitioner;
  std::vector<int> counts(10);
  for (int i = 0; i < 100'000; ++i) ++counts[partitioner.Partition(std::to_string(i), 10)];
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

TEST(RangePartitionerTest, BoundsAreExclusiveAbove) {
  const RangePartitioner partitioner({"b", "d", "d", "f"});
  EXPECT_EQ(partitioner.Partition("", 5), 0u);
  EXPECT_EQ(partitioner.Partition("az", 5), 0u);
  EXPECT_EQ(partitioner.Partition("b", 5), 1u);
  EXPECT_EQ(partitioner.Partition("c", 5), 1u);
  EXPECT_EQ(partitioner.Partition("d", 5), 3u);  // the partition between equal bounds is empty
  EXPECT_EQ(partitioner.Partition("dz", 5), 3u);
  EXPECT_EQ(partitioner.Partition("f", 5), 4u);
  EXPECT_EQ(partitioner.Partition("zzz", 5), 4u);
}

using RangePartitionerRandomTest = RandomTest;

TEST_F(RangePartitionerRandomTest, AgreesWithASearchThroughTheBounds) {
  for (int round = 0; round < 100; ++round) {
    const auto key = [this] {
      std::string text(Below(12), 'a');
      for (char& c : text) c = static_cast<char>('a' + Below(2));
      return text;
    };
    std::vector<std::string> bounds(Below(20));
    for (std::string& bound : bounds) bound = key();
    std::sort(bounds.begin(), bounds.end());
    const RangePartitioner partitioner(bounds);
    for (int i = 0; i < 50; ++i) {
      const std::string k = key();
      const auto want = std::upper_bound(bounds.begin(), bounds.end(), k) - bounds.begin();
      ASSERT_EQ(partitioner.Partition(k, static_cast<uint32_t>(bounds.size() + 1)), want) << k;
    }
  }
}

TEST(RangeBoundsTest, DividesASampleEvenly) {
  std::vector<std::string> sample;
  for (int i = 0; i < 1000; ++i) sample.push_back(fmt::format("{:04}", (i * 7) % 1000));
  EXPECT_EQ(ChooseRangeBounds(sample, 4), (std::vector<std::string>{"0250", "0500", "0750"}));
  EXPECT_TRUE(ChooseRangeBounds(sample, 1).empty());
  EXPECT_EQ(ChooseRangeBounds({}, 3), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(ChooseRangeBounds({"a", "b"}, 5).size(), 4u);
}

TEST(SamplePlanTest, TakesPiecesFromTheWholeInput) {
  std::vector<pb::Split> splits(1000);
  for (size_t i = 0; i < splits.size(); ++i) {
    splits[i].add_pieces()->set_offset(i);
    splits[i].set_input(i < 990 ? 0 : 1);
  }
  const SamplePlan plan = PlanSample(splits, 8);
  ASSERT_EQ(plan.splits.size(), 2u);
  EXPECT_EQ(plan.splits[0].pieces_size(), 64);
  EXPECT_GT(plan.splits[0].pieces(63).offset(), 900u);
  EXPECT_EQ(plan.splits[1].input(), 1u);
  EXPECT_EQ(plan.splits[1].pieces_size(), 10);
  EXPECT_EQ(plan.sample_keys, 8000u);
}

}  // namespace
}  // namespace quern::mr
