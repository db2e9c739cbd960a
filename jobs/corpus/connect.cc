// One step towards connected components: edges in, edges out (jobs/corpus/duplicates.h), each set
// of copies one star in the end. Steps large and small take turns (odd rounds are large) until
// counter `changed` is 0 twice.
//
// Edges are JSON lines, or with the input format `record` and params.records = true records, whose
// key and value are two nodes of any bytes.
#include <charconv>
#include <cstdint>
#include <string>
#include <tuple>

#include "jobs/corpus/duplicates.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Edge;
using quern::corpus::StarMaker;

bool IsLargeStep(quern::TaskContext& context) {
  const std::string step(context.param("step"));
  if (step == "large" || step == "small") return step == "large";
  int64_t round = -1;
  const auto read = std::from_chars(step.data(), step.data() + step.size(), round);
  if (read.ec != std::errc() || read.ptr != step.data() + step.size() || round < 0) {
    context.Fail("params.step = '" + step + "': must be large, small, or the number of a round");
  }
  return round % 2 == 1;
}

// Records that are read as lines are no edges, and nodes of any bytes written as lines have lost
// their first ones.
void CheckForm(quern::TaskContext& context) {
  const std::string format(context.input_format());
  const bool records = FlagParam(context, "records");
  if (records == (format == "record")) return;
  context.Fail("the input format is '" + format +
               "' and params.records = " + (records ? "true" : "false") +
               ": edges are records where params.records says so. Try: --format record --set "
               "output.format=record --set params.records=true, all three of them or none");
}

class ConnectMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    large_ = IsLargeStep(context);
    CheckForm(context);
    records_ = FlagParam(context, "records");
    no_edges_ = context.counter("lines_that_are_no_edges");
  }

  void Map(const quern::MapInput& in) override {
    if (!records_ && in.value().find_first_not_of(" \t\r") == std::string_view::npos) return;
    const auto edge = records_ ? quern::corpus::MakeEdge(in.key(), in.value())
                               : quern::corpus::ReadEdgeLine(in.value());
    if (!edge.has_value()) return no_edges_->Increment();
    Emit(quern::Ordered(edge->duplicate, edge->of), "");
    if (large_) Emit(quern::Ordered(edge->of, edge->duplicate), "");
  }

 private:
  bool large_ = false;
  bool records_ = false;
  quern::Counter* no_edges_ = nullptr;
};
QUERN_REGISTER_MAPPER(ConnectMapper);

// With [reduce] group = 1: one call for each node, its neighbours in order.
class ConnectReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    large_ = IsLargeStep(context);
    records_ = FlagParam(context, "records");
    changed_ = context.counter("changed");
    edges_ = context.counter("edges");
  }

  void Reduce(quern::ReduceInput* in) override {
    const auto emit = [this](const Edge& edge) {
      edges_->Increment();
      records_ ? Emit(edge.duplicate, edge.of) : Emit(quern::corpus::EdgeLine(edge));
    };
    StarMaker star(large_ ? StarMaker::Step::kLarge : StarMaker::Step::kSmall);
    star.Start(quern::Decode<std::string>(in->key()));
    for (const auto& [key, value] : in->records()) {
      star.Add(std::get<1>(quern::Decode<std::string, std::string>(key)), emit);
    }
    changed_->Increment(static_cast<int64_t>(star.changed()));
  }

 private:
  bool large_ = false;
  bool records_ = false;
  quern::Counter* changed_ = nullptr;
  quern::Counter* edges_ = nullptr;
};
QUERN_REGISTER_REDUCER(ConnectReducer);

}  // namespace
