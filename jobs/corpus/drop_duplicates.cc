// Documents without those that edges (jobs/corpus/duplicates.h) call duplicates.
//
// Input: documents and edges, both as JSON lines: one with a text is a document, whatever else it
// has. Output (raw): the lines of the documents that no edge calls a duplicate, as they are; the
// output "rejected" has the others, with a field
//   "rejected": {"rule": "near-duplicates", "of": ID}
// Documents of one id are kept or dropped together: an edge from one of them to another drops none.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/corpus/document.h"
#include "jobs/corpus/duplicates.h"
#include "mapreduce/api/mapreduce.h"

namespace {

// Of one id the edges come first, so that no document waits for them.
constexpr uint8_t kEdge = 0;
constexpr uint8_t kDocument = 1;

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
    auto fields = quern::text::ReadJsonObject(in.value());
    if (fields.has_value() && !reader_.HasText(*fields)) {
      const auto edge = quern::corpus::ReadEdge(*fields);
      if (edge.has_value()) return EmitEdge(*edge);
    }
    const auto document = reader_.Read(in, std::move(fields));
    if (document.has_value()) Emit(quern::Ordered(document->id, kDocument), in.value());
  }

 private:
  void EmitEdge(const quern::corpus::Edge& edge) {
    const std::string_view duplicate = quern::corpus::IdOfNode(edge.duplicate);
    const std::string_view of = quern::corpus::IdOfNode(edge.of);
    // With other ranks they are two nodes.
    if (duplicate != of) Emit(quern::Ordered(duplicate, kEdge), of);
  }

  quern::corpus::DocumentReader reader_;
};
QUERN_REGISTER_MAPPER(DropDuplicatesMapper);

// With [reduce] group = 1: one call for each id, of which any number of documents pass.
class DropDuplicatesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    kept_ = context.counter("kept");
    dropped_ = context.counter("dropped");
    unknown_ = context.counter("duplicates_that_are_no_documents");
    others_ = context.output("rejected");
  }

  void Reduce(quern::ReduceInput* in) override {
    if (quern::OrderedPrefix(in->key(), 1) != in->key().size()) {
      context().Fail("reduce.group: must be 1, so that an edge meets the documents of its id");
    }
    const std::string id = quern::Decode<std::string>(in->key());
    std::string of;  // the least, where edges name several
    bool drop = false;
    bool is_document = false;
    for (const auto& [key, value] : in->records()) {
      if (static_cast<uint8_t>(key.back()) == kEdge) {
        if (!drop || value < of) of = value;
        drop = true;
        continue;
      }
      is_document = true;
      if (drop) {
        dropped_->Increment();
        Reject(id, value, of);
      } else {
        kept_->Increment();
        Emit("", value);
      }
    }
    if (!is_document) unknown_->Increment();
  }

 private:
  void Reject(const std::string& id, std::string_view line, std::string_view of) {
    quern::corpus::Document document;
    document.id = id;
    document.fields = quern::text::ReadJsonObject(line).value_or(document.fields);
    others_->Emit("", quern::corpus::RejectedCopy(document, "near-duplicates", of));
  }

  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* dropped_ = nullptr;
  quern::Counter* unknown_ = nullptr;
};
QUERN_REGISTER_REDUCER(DropDuplicatesReducer);

}  // namespace
