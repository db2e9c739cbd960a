#include "mapreduce/plan/range_bounds.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "mapreduce/engine/index_sort.h"
#include "mapreduce/plan/split_planner.h"

namespace quern::mr {

namespace {

// Windows in which the input is read: small, so that there can be many of them all over it.
constexpr uint64_t kWindowBytes = 16 << 10;
constexpr uint64_t kMinWindows = 256;
constexpr uint64_t kMaxWindows = 8192;
constexpr uint64_t kWindowsPerPartition = 8;
// Read by one attempt: each is a round trip or two, so several attempts side by side are quicker.
constexpr int kWindowsPerAttempt = 128;
// Keys per partition that make the shares differ by a few per cent at most.
constexpr uint64_t kKeysPerPartition = 1000;
constexpr uint64_t kMaxKeys = 1'000'000;

// Of all bounds together: they go to every worker. A bound that is cut still divides the keys.
constexpr size_t kMaxBoundBytes = size_t{1} << 20;
constexpr size_t kShortestCut = 16;

// Lays windows over the input, one at every multiple of `stride` of the bytes of all splits.
class Windows {
 public:
  explicit Windows(uint64_t stride) : stride_(stride) {}

  // `format`: what the files of the split are read in.
  void Add(const pb::Split& split, const InputFormat* format) {
    if (format != std::exchange(format_, format)) full_ = true;
    for (const pb::InputPiece& piece : split.pieces()) AddPiece(split.input(), piece);
  }
  std::vector<pb::Split> Take() { return std::move(splits_); }

 private:
  void AddPiece(uint32_t input, const pb::InputPiece& piece) {
    const bool whole_file = piece.length() == piece.file_length();
    for (uint64_t at = (stride_ - bytes_ % stride_) % stride_, n = 0; at < piece.length();
         at += stride_, ++n) {
      pb::InputPiece* const window = NextPiece(input);
      *window = piece;
      // What may be compressed has to be looked at from its start.
      const uint64_t offset = whole_file && n == 0 ? 0 : at;
      window->set_offset(piece.offset() + offset);
      window->set_length(std::min(kWindowBytes, piece.length() - offset));
    }
    bytes_ += piece.length();
  }

  pb::InputPiece* NextPiece(uint32_t input) {
    if (std::exchange(full_, false) || splits_.empty() || splits_.back().input() != input ||
        splits_.back().pieces_size() == kWindowsPerAttempt) {
      splits_.emplace_back().set_input(input);
    }
    return splits_.back().add_pieces();
  }

  const uint64_t stride_;
  uint64_t bytes_ = 0;  // of the pieces so far
  const InputFormat* format_ = nullptr;
  bool full_ = false;  // the last attempt, since others follow of another format
  std::vector<pb::Split> splits_;
};

}  // namespace

SamplePlan PlanSample(const pb::JobSpec& spec, const std::vector<pb::Split>& map_splits) {
  const uint64_t partitions = spec.reduce().tasks();
  uint64_t bytes = 0;
  for (const pb::Split& split : map_splits) {
    for (const pb::InputPiece& piece : split.pieces()) bytes += piece.length();
  }
  const uint64_t windows = std::clamp(partitions * kWindowsPerPartition, kMinWindows, kMaxWindows);
  // A small input is read as a whole.
  Windows laid(std::max(bytes / windows, kWindowBytes));
  for (const pb::Split& split : map_splits) {
    // The spec was checked: there is one.
    laid.Add(split, FormatOfSplit(spec, split).value_or(nullptr));
  }
  SamplePlan plan;
  plan.splits = laid.Take();
  plan.sample_bytes = kWindowBytes;
  const uint64_t keys = std::min(partitions * kKeysPerPartition, kMaxKeys);
  plan.sample_keys = static_cast<uint32_t>(keys / std::max<uint64_t>(plan.splits.size(), 1) + 1);
  return plan;
}

namespace {

// Of sample[at], as much as tells it from the key before it.
std::string ShortestBound(const std::vector<std::string>& sample, size_t at) {
  const std::string& key = sample[at];
  const auto before = std::lower_bound(sample.begin(), sample.end(), key);
  if (before == sample.begin()) return key;
  return key.substr(0, CommonStart(*std::prev(before), key) + 1);
}

}  // namespace

std::vector<std::string> ChooseRangeBounds(std::vector<std::string> sample, uint32_t partitions) {
  std::sort(sample.begin(), sample.end());
  std::vector<std::string> bounds;
  const size_t longest = std::max(kMaxBoundBytes / std::max(partitions, 1u), kShortestCut);
  for (uint32_t i = 1; i < partitions; ++i) {
    const size_t at = sample.size() * i / partitions;
    bounds.push_back(sample.empty() ? "" : ShortestBound(sample, at).substr(0, longest));
  }
  return bounds;
}

}  // namespace quern::mr
