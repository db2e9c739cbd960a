// PageRank (Brin and Page 1998), the classes of the pipeline pagerank.toml.
//
// Between the rounds a node is one line: NODE<TAB>rank<TAB>target<TAB>target..., its rank in units
// of 2^-60 and empty before the first round, when every node has the same. Ranks are whole numbers
// so that sums do not depend on their order: whatever splits, combiners and machines, every round
// has the same bytes.
//
// A node without links has nobody to give its rank to: it is spread evenly over all. How much that
// is only the end of a round knows; it comes back as a parameter of the next, the counter
// `dangling` of the round before.
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "mapreduce/api/mapreduce.h"

namespace {

constexpr double kUnits = 1152921504606846976.0;  // 2^60

// The first field, which is taken off.
std::string_view TakeField(std::string_view* line) {
  const size_t tab = line->find('\t');
  const std::string_view field = line->substr(0, tab);
  line->remove_prefix(tab == std::string_view::npos ? line->size() : tab + 1);
  return field;
}

double NumberParam(quern::TaskContext& context, std::string_view name, double low, double high) {
  const std::string_view text = context.param(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      !(value >= low && value <= high)) {
    context.Fail("params." + std::string(name) + " = '" + std::string(text) +
                 "': must be a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

// Lines SOURCE<TAB>TARGET; further columns are passed over.
class EdgeMapper : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    std::string_view line = in.value();
    if (line.empty()) return;
    if (line.find('\t') == std::string_view::npos) context().SkipRecord("no_tab");
    const std::string source(TakeField(&line));
    const std::string target(TakeField(&line));
    if (source.empty() || target.empty()) context().SkipRecord("no_node");
    Emit(quern::Ordered(source, target), "");
    Emit(quern::Ordered(target, ""), "");  // it is a node, also if it links nowhere
  }
};
QUERN_REGISTER_MAPPER(EdgeMapper);

// With [reduce] group = 1: a node, its targets in order, each once.
class NodeReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    nodes_ = context.counter("nodes");
    edges_ = context.counter("edges");
    without_links_ = context.counter("nodes_without_links");
  }
  void Reduce(quern::ReduceInput* in) override {
    const std::string node = quern::Decode<std::string>(in->key());
    std::string line;
    std::string last;
    for (const auto& [key, value] : in->records()) {
      const std::string target = std::get<1>(quern::Decode<std::string, std::string>(key));
      if (target == last) continue;
      line += "\t" + target;
      edges_->Increment();
      last = target;
    }
    nodes_->Increment();
    if (line.empty()) without_links_->Increment();
    Emit(node, line);
  }

 private:
  quern::Counter* nodes_ = nullptr;
  quern::Counter* edges_ = nullptr;
  quern::Counter* without_links_ = nullptr;
};
QUERN_REGISTER_REDUCER(NodeReducer);

// A node gives its rank to its targets in equal shares, and stays itself.
class ShareMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    first_rank_ =
        static_cast<int64_t>(std::llround(kUnits / NumberParam(context, "nodes", 1, 1e15)));
  }
  void Map(const quern::MapInput& in) override {
    std::string_view line = in.value();
    const std::string_view node = TakeField(&line);
    const std::string_view written = TakeField(&line);
    const int64_t rank = written.empty() ? first_rank_ : quern::ParseInt(written);
    Emit(node, "=" + std::to_string(rank) + "\t" + std::string(line));
    int64_t targets = 0;
    for (std::string_view rest = line; !rest.empty(); ++targets) TakeField(&rest);
    if (targets == 0) return;
    const std::string share = std::to_string(rank / targets);
    while (!line.empty()) Emit(TakeField(&line), share);
  }

 private:
  int64_t first_rank_ = 0;
};
QUERN_REGISTER_MAPPER(ShareMapper);

// Adds shares up; what a node is itself passes through.
class ShareCombiner : public quern::Combiner {
 public:
  void Combine(quern::ReduceInput* in) override {
    int64_t sum = 0;
    for (const std::string_view value : in->values()) {
      value.starts_with('=') ? Emit(value) : void(sum += quern::ParseInt(value));
    }
    if (sum != 0) Emit(std::to_string(sum));
  }
};
QUERN_REGISTER_COMBINER(ShareCombiner);

class RankReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    const double nodes = NumberParam(context, "nodes", 1, 1e15);
    damping_ = NumberParam(context, "damping", 0, 1);
    tolerance_ = NumberParam(context, "tolerance", 0, 1) * kUnits;
    // Before the first round all nodes without links have the same rank.
    double dangling = NumberParam(context, "dangling", -1, 1e19);
    if (dangling < 0) {
      dangling = kUnits / nodes * NumberParam(context, "nodes_without_links", 0, 1e15);
    }
    base_ = ((1 - damping_) * kUnits + damping_ * dangling) / nodes;
    dangling_next_ = context.counter("dangling");
    moved_ = context.counter("moved");
  }
  void Reduce(quern::ReduceInput* in) override {
    int64_t sum = 0;
    int64_t before = 0;
    std::string targets;
    for (std::string_view value : in->values()) {
      if (!value.starts_with('=')) {
        sum += quern::ParseInt(value);
        continue;
      }
      value.remove_prefix(1);
      before = quern::ParseInt(TakeField(&value));
      targets = value;
    }
    const int64_t rank = std::llround(base_ + damping_ * static_cast<double>(sum));
    if (std::abs(static_cast<double>(rank - before)) > tolerance_) moved_->Increment();
    if (targets.empty()) dangling_next_->Increment(rank);
    Emit(std::to_string(rank) + (targets.empty() ? "" : "\t") + targets);
  }

 private:
  double damping_ = 0;
  double tolerance_ = 0;
  double base_ = 0;
  quern::Counter* dangling_next_ = nullptr;
  quern::Counter* moved_ = nullptr;
};
QUERN_REGISTER_REDUCER(RankReducer);

// NODE<TAB>rank, with 15 digits.
class RankWriter : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    std::string_view line = in.value();
    const std::string_view node = TakeField(&line);
    const double rank = static_cast<double>(quern::ParseInt(TakeField(&line))) / kUnits;
    char text[64];
    const auto end =
        std::to_chars(text, text + sizeof(text), rank, std::chars_format::scientific, 14);
    Emit(node, std::string_view(text, static_cast<size_t>(end.ptr - text)));
  }
};
QUERN_REGISTER_MAPPER(RankWriter);

}  // namespace
