// Documents without those that edges (jobs/corpus/duplicates.h) call duplicates.
//
// Input: documents and edges, both as JSON lines. Output (raw): the lines of the documents that no
// edge calls a duplicate, as they are.
#include <optional>
#include <string>
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
  }

  void Map(const quern::MapInput& in) override {
    const auto edge = quern::corpus::ReadEdgeLine(in.value());
    if (edge.has_value()) {
      return Emit(quern::corpus::IdOfNode(edge->duplicate), std::string_view(&kDrop, 1));
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

// Documents of one id are kept or dropped together.
class DropDuplicatesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    kept_ = context.counter("kept");
    dropped_ = context.counter("dropped");
    unknown_ = context.counter("duplicates_that_are_no_documents");
  }

  void Reduce(quern::ReduceInput* in) override {
    lines_.clear();
    bool drop = false;
    int64_t documents = 0;
    for (const std::string_view value : in->values()) {
      drop = drop || value[0] == kDrop;
      if (value[0] != kDocument) continue;
      ++documents;
      if (!drop) lines_.emplace_back(value.substr(1));
    }
    if (documents == 0) return unknown_->Increment();
    if (drop) return dropped_->Increment(documents);
    kept_->Increment(documents);
    for (const std::string& line : lines_) Emit(line);
  }

 private:
  std::vector<std::string> lines_;
  quern::Counter* kept_ = nullptr;
  quern::Counter* dropped_ = nullptr;
  quern::Counter* unknown_ = nullptr;
};
QUERN_REGISTER_REDUCER(DropDuplicatesReducer);

}  // namespace
