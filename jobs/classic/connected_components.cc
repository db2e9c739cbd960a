// Connected components, what the pipeline connected-components.toml does around the rounds of
// `connect`: edges out of lines before, each node with its component afterwards. What hangs
// together within a split is one star before the first round; so the rounds only join the stars of
// splits.
//
// Nodes travel as the bytes that they are. A component is called by its least member, which is the
// middle of the star that the rounds end with.
#include <optional>
#include <string>
#include <string_view>

#include "jobs/classic/columns.h"
#include "jobs/classic/edge_forest.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::classic::EdgeForest;

struct Ends {
  std::string_view source;
  std::string_view target;
};

// The two ends of an edge; without them the record is skipped.
Ends ReadEnds(const quern::MapInput& in, quern::TaskContext& context) {
  const auto target = quern::classic::Column(in.value(), 2);
  if (!target.has_value()) context.SkipRecord("no_tab");
  const Ends ends{*quern::classic::Column(in.value(), 1), *target};
  if (ends.source.empty() || ends.target.empty()) context.SkipRecord("no_node");
  return ends;
}

// Lines SOURCE<TAB>TARGET; further columns are passed over. Records of two nodes: the edges of
// stars that hang together as the lines do. In the output `alone` nodes whose edges lead to
// themselves; in another split they may have more.
class LineToEdge : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    forest_.emplace(NumberParam(context, "nodes_in_memory", "1000000", 2, EdgeForest::kMaxNodes));
    lines_ = context.counter("lines");
    alone_ = context.output("alone");
  }

  void Map(const quern::MapInput& in) override {
    if (in.value().empty()) return;
    const Ends ends = ReadEnds(in, context());
    lines_->Increment();
    if (forest_->Join(ends.source, ends.target)) return;
    EmitForest();
    if (forest_->Join(ends.source, ends.target)) return;
    // Names that are longer than all that is kept.
    if (ends.source == ends.target) {
      alone_->Emit(ends.source, "");
    } else {
      Emit(ends.source, ends.target);
    }
  }

  void Finish() override { EmitForest(); }

 private:
  void EmitForest() {
    forest_->ForEach([this](auto node, auto least) { Emit(node, least); },
                     [this](auto node) { alone_->Emit(node, ""); });
    forest_->Clear();
  }

  std::optional<EdgeForest> forest_;
  quern::Counter* lines_ = nullptr;
  quern::NamedOutput* alone_ = nullptr;
};
QUERN_REGISTER_MAPPER(LineToEdge);

// Edges of stars: a node and the least of its component, which has no such edge itself.
class StarToNode : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    Emit(in.key(), in.value());
    if (in.value() == least_) return;  // most often it is that of the edge before
    least_ = in.value();
    Emit(least_, "");
  }

 private:
  std::string least_;
};
QUERN_REGISTER_MAPPER(StarToNode);

class AloneToNode : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override { Emit(in.key(), ""); }
};
QUERN_REGISTER_MAPPER(AloneToNode);

// Of a node's values one says where it belongs; the others, which are empty, that it is there.
std::string_view LeastOf(quern::ReduceInput* in, std::string* least) {
  for (const std::string_view value : in->values()) {
    if (!value.empty()) *least = value;
  }
  return *least;
}

class NodeCombiner : public quern::Combiner {
 public:
  void Combine(quern::ReduceInput* in) override {
    least_.clear();
    Emit(LeastOf(in, &least_));
  }

 private:
  std::string least_;
};
QUERN_REGISTER_COMBINER(NodeCombiner);

class NodeToComponent : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    quern::classic::CheckThatThereAreEdges(context);
    nodes_ = context.counter("nodes");
    components_ = context.counter("components");
  }
  void Reduce(quern::ReduceInput* in) override {
    least_.clear();
    const bool is_least = LeastOf(in, &least_).empty();
    nodes_->Increment();
    if (is_least) components_->Increment();
    Emit(is_least ? in->key() : std::string_view(least_));
  }

 private:
  std::string least_;
  quern::Counter* nodes_ = nullptr;
  quern::Counter* components_ = nullptr;
};
QUERN_REGISTER_REDUCER(NodeToComponent);

}  // namespace
