// Connected components, what the pipeline connected-components.toml does around the rounds of
// `connect`: edges out of lines before, each node with its component afterwards.
//
// Nodes travel as the bytes that they are. A component is called by its least member, which is the
// middle of the star that the rounds end with.
#include <string>
#include <string_view>

#include "jobs/classic/columns.h"
#include "mapreduce/api/mapreduce.h"

namespace {

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

// Lines SOURCE<TAB>TARGET; further columns are passed over. Records of two nodes.
class LineToEdge : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { lines_ = context.counter("lines"); }
  void Map(const quern::MapInput& in) override {
    if (in.value().empty()) return;
    const Ends ends = ReadEnds(in, context());
    lines_->Increment();
    if (ends.source != ends.target) Emit(ends.source, ends.target);
  }

 private:
  quern::Counter* lines_ = nullptr;
};
QUERN_REGISTER_MAPPER(LineToEdge);

// The same lines: both are nodes, also one whose only edge leads to itself.
class LineToNodes : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    if (in.value().empty()) return;
    const Ends ends = ReadEnds(in, context());
    Emit(ends.source, "");
    Emit(ends.target, "");
  }
};
QUERN_REGISTER_MAPPER(LineToNodes);

// Edges of stars: a node and the least of its component, which has no such edge itself.
class StarToNode : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override { Emit(in.key(), in.value()); }
};
QUERN_REGISTER_MAPPER(StarToNode);

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
