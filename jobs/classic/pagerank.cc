// PageRank (Brin and Page 1998), the rounds of the pipeline pagerank.toml and what it writes.
//
// A round takes blocks of nodes with their ranks (jobs/classic/rank_block.h) and gives the same
// blocks with the next ones. Ranks are whole numbers in units of 2^-60, so that sums do not depend
// on their order: whatever splits and machines, every round has the same bytes.
//
// A node without links has nobody to give its rank to: it is spread evenly over all. How much that
// is only the end of a round knows; it comes back as a parameter of the next, the counter
// `dangling` of the round before.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/classic/rank_block.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::classic::BlockView;
using quern::classic::RankRecord;

constexpr double kUnits = 1152921504606846976.0;  // 2^60

// At least 1: of a graph without nodes nobody asks for a rank.
double NodesParam(quern::TaskContext& context) {
  return std::max(RealParam(context, "nodes", 0, 1e15), 1.0);
}

// Before the first round all have the same.
int64_t FirstRank(quern::TaskContext& context) {
  return static_cast<int64_t>(std::llround(kUnits / NodesParam(context)));
}

// Nodes give their ranks to their targets in equal shares; the block stays itself.
class ShareMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { first_rank_ = FirstRank(context); }
  void Map(const quern::MapInput& in) override {
    Emit(in.key(), in.value());
    BlockView(in.value()).EmitShares(first_rank_, [this](uint64_t block, std::string_view shares) {
      Emit(quern::classic::BlockKey(block), shares);
    });
  }

 private:
  int64_t first_rank_ = 0;
};
QUERN_REGISTER_MAPPER(ShareMapper);

// What concerns one block comes to one task.
class BlockPartitioner : public quern::Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    return quern::classic::TaskOfBlock(quern::classic::BlockOfKey(key), partitions);
  }
};
QUERN_REGISTER_PARTITIONER(BlockPartitioner);

class RankReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    const double nodes = NodesParam(context);
    first_rank_ = FirstRank(context);
    damping_ = RealParam(context, "damping", 0, 1);
    tolerance_ = RealParam(context, "tolerance", 0, 1) * kUnits;
    // Before the first round all nodes without links have the same rank.
    double dangling = RealParam(context, "dangling", -1, 1e19);
    if (dangling < 0) {
      dangling = kUnits / nodes * RealParam(context, "nodes_without_links", 0, 1e15);
    }
    base_ = ((1 - damping_) * kUnits + damping_ * dangling) / nodes;
    dangling_next_ = context.counter("dangling");
    moved_ = context.counter("moved");
  }
  void Reduce(quern::ReduceInput* in) override {
    std::fill(sums_.begin(), sums_.end(), 0);
    block_.clear();
    for (const std::string_view value : in->values()) {
      if (quern::classic::KindOf(value) == RankRecord::kBlock) {
        block_ = value;
      } else {
        quern::classic::AddShares(value, sums_);
      }
    }
    SetRanks();
    Emit(block_);
  }

 private:
  void SetRanks() {
    const BlockView view(block_);
    for (size_t i = 0; i < view.nodes(); ++i) {
      const int64_t rank = std::llround(base_ + damping_ * static_cast<double>(sums_[i]));
      const int64_t before = view.rank(i) == quern::classic::kNoRank ? first_rank_ : view.rank(i);
      if (std::abs(static_cast<double>(rank - before)) > tolerance_) moved_->Increment();
      if (view.degree(i) == 0) dangling_next_->Increment(rank);
      quern::classic::SetRank(i, rank, &block_);
    }
  }

  int64_t first_rank_ = 0;
  double damping_ = 0;
  double tolerance_ = 0;
  double base_ = 0;
  quern::Counter* dangling_next_ = nullptr;
  quern::Counter* moved_ = nullptr;
  std::vector<int64_t> sums_ = std::vector<int64_t>(quern::classic::kMaxBlockNodes);
  std::string block_;
};
QUERN_REGISTER_REDUCER(RankReducer);

// A block and the names of its nodes: NODE<TAB>rank, with 15 digits.
class RankWriter : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    for (const std::string_view value : in->values()) {
      (quern::classic::KindOf(value) == RankRecord::kBlock ? block_ : names_) = value;
    }
    quern::classic::NumberReader names(std::string_view(names_).substr(1));
    const BlockView view(block_);
    if (names.Number<uint32_t>() != view.nodes()) {
      throw std::invalid_argument("a block whose names are those of another");
    }
    for (size_t i = 0; i < view.nodes(); ++i) {
      const std::string_view name = names.Bytes(names.Number<uint32_t>());
      const double rank = static_cast<double>(view.rank(i)) / kUnits;
      char text[64];
      const auto end =
          std::to_chars(text, text + sizeof(text), rank, std::chars_format::scientific, 14);
      Emit(name, std::string_view(text, static_cast<size_t>(end.ptr - text)));
    }
  }

 private:
  std::string block_;
  std::string names_;
};
QUERN_REGISTER_REDUCER(RankWriter);

}  // namespace
