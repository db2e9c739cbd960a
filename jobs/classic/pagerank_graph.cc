// PageRank, the classes of its first stages: out of lines of edges the blocks that the rounds work
// on (jobs/classic/rank_block.h), and the names of their nodes.
//
//   sources   an edge is a record under its source; each source gets its number, and says it to its
//             targets and to itself
//   targets   each target hears its own number, or gets one when it is no source, and the numbers
//             of its sources; links are numbers from here on
//   graph     all links of a block, and how many nodes it has, make the block
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/classic/columns.h"
#include "jobs/classic/rank_block.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::classic::AppendNumber;
using quern::classic::BlockKey;
using quern::classic::BlockLink;
using quern::classic::NumberReader;
using quern::classic::RankRecord;

// What a node hears: its own number first, then those of its sources.
enum Heard : uint8_t { kItself, kSource };

struct NodeNumber {
  uint64_t block = 0;
  uint16_t place = 0;

  std::string Bytes() const {
    std::string bytes;
    AppendNumber(block, &bytes);
    AppendNumber(place, &bytes);
    return bytes;
  }
  static NodeNumber Of(std::string_view bytes) {
    NumberReader in(bytes);
    NodeNumber number;
    number.block = in.Number<uint64_t>();
    number.place = in.Number<uint16_t>();
    return number;
  }
};

// Numbers the nodes of one task in the order in which they come, and writes their names.
class NodeNumbers {
 public:
  NodeNumbers(uint32_t task, bool has_links, quern::NamedOutput* names)
      : block_{task, has_links, 0}, names_(names) {}

  NodeNumber Next(std::string_view name) {
    const bool is_full = nodes_ == quern::classic::kMaxBlockNodes ||
                         links_ >= quern::classic::kMaxBlockLinks ||
                         written_.size() >= quern::classic::kMaxBlockNameBytes;
    if (is_full) Close();
    AppendNumber(static_cast<uint32_t>(name.size()), &written_);
    written_ += name;
    return {block_.Packed(), static_cast<uint16_t>(nodes_++)};
  }
  // Of the last node.
  void CountLink() { ++links_; }

  // What has been numbered is written; the next node begins a block.
  void Close() {
    if (nodes_ == 0) return;
    std::string record(1, static_cast<char>(RankRecord::kNames));
    AppendNumber(static_cast<uint32_t>(nodes_), &record);
    names_->Emit(BlockKey(block_.Packed()), record + written_);
    ++block_.number;
    nodes_ = links_ = 0;
    written_.clear();
  }

 private:
  quern::classic::BlockNumber block_;
  quern::NamedOutput* const names_;
  size_t nodes_ = 0;
  size_t links_ = 0;
  std::string written_;
};

// Lines SOURCE<TAB>TARGET; further columns are passed over.
class EdgeMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override { edges_ = context.counter("lines"); }
  void Map(const quern::MapInput& in) override {
    const std::string_view line = in.value();
    if (line.empty()) return;
    const auto target = quern::classic::Column(line, 2);
    if (!target.has_value()) context().SkipRecord("no_tab");
    const std::string_view source = *quern::classic::Column(line, 1);
    if (source.empty() || target->empty()) context().SkipRecord("no_node");
    edges_->Increment();
    Emit(source, *target);
  }

 private:
  quern::Counter* edges_ = nullptr;
};
QUERN_REGISTER_MAPPER(EdgeMapper);

class PassOn : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override { Emit(in.key(), in.value()); }
};
QUERN_REGISTER_MAPPER(PassOn);

// A source and its targets, some of them several times.
class SourceReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    numbers_.emplace_back(context.task_index(), true, context.output("names"));
  }
  void Reduce(quern::ReduceInput* in) override {
    const std::string number = numbers_[0].Next(in->key()).Bytes();
    Emit(quern::Ordered(in->key(), uint8_t{kItself}), number);
    for (const std::string_view target : in->values()) {
      Emit(quern::Ordered(target, uint8_t{kSource}), number);
      numbers_[0].CountLink();
    }
  }
  void Finish() override { numbers_[0].Close(); }

 private:
  std::vector<NodeNumbers> numbers_;  // one
};
QUERN_REGISTER_REDUCER(SourceReducer);

// With [reduce] group = 1: a node, what it hears in order.
class TargetReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    numbers_.emplace_back(context.task_index(), false, context.output("names"));
  }
  void Reduce(quern::ReduceInput* in) override {
    NodeNumber target;
    bool is_numbered = false;
    for (const auto& [key, value] : in->records()) {
      const NodeNumber heard = NodeNumber::Of(value);
      const auto kind = static_cast<uint8_t>(key.back());
      if (kind == kItself) {
        target = heard;
        is_numbered = true;
        continue;
      }
      if (!is_numbered) target = numbers_[0].Next(quern::Decode<std::string>(in->key()));
      is_numbered = true;
      AddLink(heard, target);
    }
  }
  void Finish() override {
    HandOn();
    numbers_[0].Close();
  }

 private:
  static constexpr size_t kHeldLinks = 500'000;

  void AddLink(const NodeNumber& source, const NodeNumber& target) {
    quern::classic::AppendLink({target.block, target.place, source.place}, &links_[source.block]);
    if (++held_ >= kHeldLinks) HandOn();
  }
  void HandOn() {
    for (const auto& [block, links] : links_) Emit(BlockKey(block), links);
    links_.clear();
    held_ = 0;
  }

  std::vector<NodeNumbers> numbers_;  // one
  std::map<uint64_t, std::string> links_;
  size_t held_ = 0;
};
QUERN_REGISTER_REDUCER(TargetReducer);

// Of the names of a block only how many they are.
class NamesToCount : public quern::Mapper {
 public:
  void Map(const quern::MapInput& in) override {
    Emit(in.key(), in.value().substr(0, 1 + sizeof(uint32_t)));
  }
};
QUERN_REGISTER_MAPPER(NamesToCount);

class BlockReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    quern::classic::CheckThatThereAreEdges(context);
    nodes_ = context.counter("nodes");
    edges_ = context.counter("edges");
    without_links_ = context.counter("nodes_without_links");
  }
  void Reduce(quern::ReduceInput* in) override {
    quern::classic::LinkGatherer gatherer;
    uint32_t nodes = 0;
    for (const std::string_view value : in->values()) {
      if (quern::classic::KindOf(value) == RankRecord::kNames) {
        nodes = NumberReader(value.substr(1)).Number<uint32_t>();
      } else {
        gatherer.Add(value);
      }
    }
    std::vector<BlockLink> links = gatherer.Take();
    Emit(quern::classic::MakeBlock(nodes, &links));
    nodes_->Increment(nodes);
    edges_->Increment(static_cast<int64_t>(links.size()));
    if (links.empty()) without_links_->Increment(nodes);
  }

 private:
  quern::Counter* nodes_ = nullptr;
  quern::Counter* edges_ = nullptr;
  quern::Counter* without_links_ = nullptr;
};
QUERN_REGISTER_REDUCER(BlockReducer);

}  // namespace
