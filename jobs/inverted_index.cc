// Inverted index: for every term the documents that contain it, and where.
//
// Input: JSON lines {"id": ..., "text": ...} (format jsonl); or the record is the document, named
// by its path (format whole) or path:offset (format text). A JSON document without an id is named
// by path:offset too. Terms are those of the search index (jobs/search/analysis/analyzer.h).
//
// Output (table): docs/formats/inverted-index.md. A map task gathers the postings of many documents
// and sends, for each term, one chunk of them; a reduce task puts chunks one behind another, in the
// order in which they come, and looks into none. Documents are numbers there: map task, and number
// within the task. Their names are records of their own, so each stands in the index once. Lists
// are written in records of about a MiB, so no list is ever held in memory as a whole.
#include <optional>
#include <string>
#include <string_view>

#include "jobs/corpus/json_input.h"
#include "jobs/json_document.h"
#include "jobs/search/analysis/analysis_settings.h"
#include "jobs/search/indexing/document_indexer.h"
#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/inverted/index_keys.h"
#include "jobs/search/inverted/name_block.h"
#include "jobs/search/inverted/posting_list.h"
#include "mapreduce/api/mapreduce.h"

namespace {

namespace inverted = quern::inverted;
namespace search = quern::search;

// What a map task gathers before it hands it on: with the engine's buffers within 512 MiB.
constexpr size_t kRunBytes = 48 << 20;

std::string PlaceOf(const quern::MapInput& in) {
  return std::string(in.source().path) + ":" + std::to_string(in.source().offset);
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

class InvertedIndexMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    json_ = context.input_format() == "jsonl";
    whole_ = context.input_format() == "whole";
    task_ = context.task_index();
    documents_ = context.counter("documents");
    terms_ = context.counter("terms");
    long_terms_ = context.counter("long_terms_skipped");
    bad_json_ = context.counter("lines_of_bad_json");
    without_text_ = context.counter("documents_without_text");
  }

  void Map(const quern::MapInput& in) override {
    if (json_) return MapJson(in);
    IndexDocument(whole_ ? std::string(in.source().path) : PlaceOf(in), in.value());
  }

  void Finish() override {
    HandOn();
    EmitNames();
    long_terms_->Increment(indexer_.too_long());
  }

 private:
  void MapJson(const quern::MapInput& in) {
    if (IsBlank(in.value())) return;
    const std::optional<JsonDocument> document = ReadJsonDocument(in.value());
    if (!document.has_value()) {
      CheckIsNoCrawl(context(), in, "mr run extract, which makes documents of crawls");
      return bad_json_->Increment();
    }
    if (!document->text.has_value()) without_text_->Increment();
    const std::string_view text = document->text.has_value() ? *document->text : std::string_view();
    IndexDocument(document->id.has_value() ? *document->id : PlaceOf(in), text);
  }

  void IndexDocument(std::string_view name, std::string_view text) {
    documents_->Increment();
    const uint32_t number = first_named_ + names_.names();
    // One document alone may have more terms than there is memory for.
    terms_->Increment(indexer_.IndexField(0, text, number, &index_, [this] {
      if (index_.bytes() >= kRunBytes) HandOn();
    }));
    names_.Add(name);
    if (names_.names() == inverted::kNamesPerBlock) EmitNames();
  }

  // What there is of the lists so far: of the document at hand more may follow.
  void HandOn() {
    index_.Drain([this](search::FieldNumber, std::string_view term, std::string_view chunk) {
      value_.clear();
      inverted::AppendChunk(task_, chunk, &value_);
      Emit(term, value_);
    });
  }

  void EmitNames() {
    if (names_.names() == 0) return;
    Emit(inverted::NamesKey({task_, first_named_}), names_.bytes());
    first_named_ += names_.names();
    names_.Clear();
  }

  bool json_ = false;
  bool whole_ = false;
  uint32_t task_ = 0;
  search::DocumentIndexer indexer_{search::AnalysisSettings{}, {"body"}};
  search::PartialIndex index_;
  uint32_t first_named_ = 0;  // document of the first name in names_
  inverted::NameBlock names_;
  std::string value_;
  quern::Counter* documents_ = nullptr;
  quern::Counter* terms_ = nullptr;
  quern::Counter* long_terms_ = nullptr;
  quern::Counter* bad_json_ = nullptr;
  quern::Counter* without_text_ = nullptr;
};
QUERN_REGISTER_MAPPER(InvertedIndexMapper);

class InvertedIndexReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    part_ = context.task_index();
    parts_ = context.reduce_tasks();
    distinct_ = context.counter("distinct_terms");
  }

  void Reduce(quern::ReduceInput* in) override {
    // Who asks for a word opens that part alone.
    if (inverted::PartOf(in->key(), parts_) != part_) {
      context().Fail("reduce.partitioner: must be hash, by which words are looked up");
    }
    if (inverted::IsNamesKey(in->key())) {
      for (const std::string_view block : in->values()) Emit(block);
      return;
    }
    distinct_->Increment();
    records_ = 0;
    for (const std::string_view chunks : in->values()) {
      if (record_.size() >= inverted::kFullRecordBytes) EmitRecord(in->key());
      record_ += chunks;
    }
    EmitRecord(in->key());
  }

  void Finish() override {
    Emit(inverted::kSummaryKey,
         inverted::MakeSummary(
             {.analysis = search::kAnalysisVersion, .part = part_, .parts = parts_}));
  }

 private:
  void EmitRecord(std::string_view term) {
    inverted::MakeListKey(term, records_++, &key_);
    Emit(key_, record_);
    record_.clear();
  }

  uint32_t part_ = 0;
  uint32_t parts_ = 0;
  uint32_t records_ = 0;  // of the term's list, that are written
  std::string key_;
  std::string record_;
  quern::Counter* distinct_ = nullptr;
};
QUERN_REGISTER_REDUCER(InvertedIndexReducer);

}  // namespace
