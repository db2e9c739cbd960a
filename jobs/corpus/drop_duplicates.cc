// Documents without those that edges (jobs/corpus/duplicates.h) call duplicates.
//
// Input: documents and edges, both as JSON lines: one with a text is a document, whatever else it
// has. Output (raw): the lines of the documents that no edge calls a duplicate, as they are; the
// output "rejected" has the others, with a field
//   "rejected": {"rule": "near-duplicates", "of": ID}
// Documents of one id are kept or dropped together: an edge from one of them to another drops none.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/duplicates.h"
#include "mapreduce/api/mapreduce.h"

namespace {

constexpr char kDocument = 'd';
constexpr char kDrop = 'x';

class DropDuplicatesMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("drop-duplicates reads the format jsonl");
    reader_.Start(context);
    if (quern::corpus::IsEdgeField(reader_.field())) {
      context.Fail("params.field = '" + reader_.field() + "': edges have that field too");
    }
  }

  void Map(const quern::MapInput& in) override {
    const auto edge = quern::corpus::ReadEdgeLine(in.value());
    if (edge.has_value() && !reader_.HasText(in.value())) {
      const std::string_view duplicate = quern::corpus::IdOfNode(edge->duplicate);
      const std::string_view of = quern::corpus::IdOfNode(edge->of);
      if (duplicate == of) return;  // with other ranks they are two nodes
      value_.assign(1, kDrop).append(of);
      return Emit(duplicate, value_);
    }
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    value_.assign(1, kDocument).append(in.value());
    Emit(document->id, value_);
  }

 private:
  quern::corpus::DocumentReader reader_;
  std::string value_;
};
QUERN_REGISTER_MAPPER(DropDuplicatesMapper);

class DropDuplicatesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    kept_ = context.counter("kept");
    dropped_ = context.counter("dropped");
    unknown_ = context.counter("duplicates_that_are_no_documents");
    others_ = context.output("rejected");
  }

  void Reduce(quern::ReduceInput* in) override {
    lines_.clear();
    std::string of;  // the least, where edges name several
    bool drop = false;
    for (const std::string_view value : in->values()) {
      if (value[0] == kDocument) {
        lines_.emplace_back(value.substr(1));
      } else if (!drop || value.substr(1) < of) {
        drop = true;
        of = value.substr(1);
      }
    }
    if (lines_.empty()) return unknown_->Increment();
    (drop ? dropped_ : kept_)->Increment(static_cast<int64_t>(lines_.size()));
    for (const std::string& line : lines_) {
      if (drop) {
        Reject(std::string(in->key()), line, of);
      } else {
        Emit(line);
      }
    }
  }

 private:
  void Reject(const std::string& id, const std::string& line, const std::string& of) {
    quern::corpus::Document document;
    document.id = id;
    document.fields = quern::text::ReadJsonObject(line).value_or(document.fields);
    others_->Emit("", quern::corpus::RejectedCopy(document, "near-duplicates", of));
  }

  std::vector<std::string> lines_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* dropped_ = nullptr;
  quern::Counter* unknown_ = nullptr;
};
QUERN_REGISTER_REDUCER(DropDuplicatesReducer);

}  // namespace
