#include "mapreduce/engine/partitioners.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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
  EXPECT_EQ(ChooseRangeBounds(sample, 4), (std::vector<std::string>{"025", "05", "075"}));
  EXPECT_TRUE(ChooseRangeBounds(sample, 1).empty());
  EXPECT_EQ(ChooseRangeBounds({}, 3), (std::vector<std::string>{"", ""}));
  EXPECT_EQ(ChooseRangeBounds({"a", "b"}, 5).size(), 4u);
}

TEST(RangeBoundsTest, BoundsAreNoLongerThanNeeded) {
  const std::string start(500, 'p');
  EXPECT_EQ(ChooseRangeBounds({start + "abc", start + "xyz", start + "xyz", start + "xzz"}, 2),
            (std::vector<std::string>{start + "x"}));
  EXPECT_EQ(ChooseRangeBounds({"same", "same", "same", "same"}, 2),
            (std::vector<std::string>{"same"}));
}

std::vector<pb::Split> SplitsOf(std::initializer_list<uint64_t> file_bytes, uint64_t split_bytes) {
  std::vector<pb::Split> splits;
  for (const uint64_t bytes : file_bytes) {
    for (uint64_t offset = 0; offset < bytes; offset += split_bytes) {
      pb::InputPiece* const piece = splits.emplace_back().add_pieces();
      piece->set_path(fmt::format("/in/{}", bytes));
      piece->set_offset(offset);
      piece->set_length(std::min(split_bytes, bytes - offset));
      piece->set_file_length(bytes);
    }
  }
  return splits;
}

// Of a job with two inputs of text.
SamplePlan SampleOf(const std::vector<pb::Split>& splits, uint32_t partitions) {
  pb::JobSpec spec;
  for (int i = 0; i < 2; ++i) spec.add_inputs()->set_format("text");
  spec.mutable_reduce()->set_tasks(partitions);
  return PlanSample(spec, splits);
}

// Numbers of windows in each tenth of the bytes.
std::vector<int> Tenths(const SamplePlan& plan, uint64_t bytes) {
  std::vector<int> tenths(10);
  for (const pb::Split& split : plan.splits) {
    for (const pb::InputPiece& piece : split.pieces()) ++tenths[piece.offset() * 10 / bytes];
  }
  return tenths;
}

TEST(SamplePlanTest, LaysWindowsEvenlyOverAllBytes) {
  constexpr uint64_t kBytes = uint64_t{10} << 30;
  for (const uint32_t partitions : {2, 16, 500, 5000}) {
    const SamplePlan plan = SampleOf(SplitsOf({kBytes}, 64 << 20), partitions);
    const std::vector<int> tenths = Tenths(plan, kBytes);
    const auto [least, most] = std::minmax_element(tenths.begin(), tenths.end());
    EXPECT_GE(*least, 25);
    EXPECT_LE(*most, *least + 2);
    for (const pb::Split& split : plan.splits) EXPECT_LE(split.pieces_size(), 128);
    EXPECT_LE(plan.splits.size(), 65u);
    EXPECT_GE(plan.sample_keys * plan.splits.size(), std::min(partitions * 1000u, 1'000'000u));
  }
}

TEST(SamplePlanTest, ReadsSmallInputsAsAWhole) {
  const SamplePlan plan = SampleOf(SplitsOf({100'000, 50'000}, 64 << 20), 16);
  uint64_t bytes = 0;
  for (const pb::Split& split : plan.splits) {
    for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
  }
  EXPECT_GE(bytes, 130'000u);
  EXPECT_TRUE(SampleOf({}, 16).splits.empty());
}

TEST(SamplePlanTest, InputsCountByTheirBytes) {
  std::vector<pb::Split> splits = SplitsOf({uint64_t{9} << 30}, 64 << 20);
  pb::Split other = SplitsOf({uint64_t{1} << 30}, uint64_t{1} << 30)[0];
  other.set_input(1);
  splits.push_back(other);
  const SamplePlan plan = SampleOf(splits, 100);
  std::map<uint32_t, int> windows;
  for (const pb::Split& split : plan.splits) windows[split.input()] += split.pieces_size();
  EXPECT_NEAR(windows[0], 9.0 * windows[1], 20);
}

}  // namespace
}  // namespace quern::mr
