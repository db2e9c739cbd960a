#include "mapreduce/plan/range_bounds.h"

#include <algorithm>
#include <map>

namespace quern::mr {

namespace {

constexpr size_t kMaxPieces = 64;
constexpr uint64_t kPieceBytes = 128 << 10;
// Keys per partition that make the shares differ by a few per cent at most.
constexpr uint32_t kKeysPerPartition = 1000;
constexpr uint32_t kMaxKeys = 1'000'000;

}  // namespace

SamplePlan PlanSample(const std::vector<pb::Split>& map_splits, uint32_t partitions) {
  std::map<uint32_t, std::vector<const pb::InputPiece*>> pieces;
  for (const pb::Split& split : map_splits) {
    for (const pb::InputPiece& piece : split.pieces()) pieces[split.input()].push_back(&piece);
  }
  SamplePlan plan;
  for (const auto& [input, all] : pieces) {
    pb::Split split;
    split.set_input(input);
    const size_t count = std::min(all.size(), kMaxPieces);
    for (size_t i = 0; i < count; ++i) *split.add_pieces() = *all[i * all.size() / count];
    plan.splits.push_back(split);
  }
  plan.sample_bytes = kPieceBytes;
  plan.sample_keys = std::min(std::min(partitions, kMaxKeys) * kKeysPerPartition, kMaxKeys);
  return plan;
}

std::vector<std::string> ChooseRangeBounds(std::vector<std::string> sample, uint32_t partitions) {
  std::sort(sample.begin(), sample.end());
  std::vector<std::string> bounds;
  for (uint32_t i = 1; i < partitions; ++i) {
    bounds.push_back(sample.empty() ? "" : sample[sample.size() * i / partitions]);
  }
  return bounds;
}

}  // namespace quern::mr
