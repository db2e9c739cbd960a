// Search index: one segment for each reduce task, which quern-search answers ranked queries from.
//
// Input: JSON lines, files, crawls, lines (indexing/input_documents.h). Output (bytes): segments
// (docs/formats/segment.md). docs/jobs/search-index.md says how the work is divided.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jobs/params.h"
#include "jobs/search/indexing/document_indexer.h"
#include "jobs/search/indexing/input_documents.h"
#include "jobs/search/indexing/partial_index.h"
#include "jobs/search/indexing/run_merger.h"
#include "jobs/search/indexing/run_records.h"
#include "mapreduce/api/mapreduce.h"

namespace {

namespace search = quern::search;

// What a map task gathers before it hands it on: with the engine's buffers within 512 MiB.
constexpr size_t kRunBytes = 48 << 20;

// What the job's parameters say, the same in all tasks.
search::SegmentWriterOptions ReadOptions(quern::TaskContext& context) {
  search::SegmentWriterOptions options;
  options.analysis.language = context.param("lang");
  options.analysis.stem = FlagParam(context, "stem");
  options.analysis.stop_words = FlagParam(context, "stop_words");
  options.fields = ListParam(context, "fields", "title,body");
  options.stored = context.param("stored", "true") == "true" || FlagParam(context, "stored");
  const std::string fields = search::DocumentIndexer::CheckFields(options.fields);
  if (!fields.empty()) context.Fail("params.fields: " + fields);
  const std::string analysis = search::Analyzer::Check(options.analysis);
  if (!analysis.empty()) context.Fail("params.lang: " + analysis);
  if (!options.analysis.language.empty() && !options.analysis.stem &&
      !options.analysis.stop_words) {
    context.Fail("params.lang: changes nothing without params.stem=true or params.stop_words=true");
  }
  return options;
}

class SearchIndexMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    const search::SegmentWriterOptions options = ReadOptions(context);
    stored_ = options.stored;
    segments_ = context.reduce_tasks();
    if (segments_ == 0 || segments_ > search::kMaxSegments) {
      context.Fail("reduce.tasks: must be 1 to 65535, one for each segment");
    }
    run_.map_task = context.task_index();
    documents_.Start(context);
    terms_ = context.counter("terms");
    indexer_.emplace(options.analysis, options.fields);
  }

  void Map(const quern::MapInput& in) override {
    const std::optional<search::IndexedDocument> document = documents_.Read(in);
    if (!document.has_value()) return;
    // One document alone may have more terms than there is memory for.
    const std::vector<uint32_t>& lengths = indexer_->Index(*document, number_, &index_, [this] {
      if (index_.bytes() >= kRunBytes) HandOn();
    });
    for (const uint32_t length : lengths) terms_->Increment(length);
    search::MakeDocumentKey(*document, segment(), &key_);
    search::MakeDocumentValue(run_, number_, lengths, *document, stored_, &value_);
    Emit(key_, value_);
    ++number_;
    if (handed_on_ || index_.bytes() >= kRunBytes) EndRun();
  }

  void Finish() override { EndRun(); }

 private:
  // Runs go round, so that few map tasks fill all segments too.
  uint32_t segment() const { return (run_.map_task + run_.run) % segments_; }

  // What there is of the run so far: of the document at hand more may follow.
  void HandOn() {
    index_.Drain([this](search::FieldNumber field, std::string_view term, std::string_view chunk) {
      search::MakeTermKey(field, term, segment(), &key_);
      search::MakeTermValue(run_, chunk, &value_);
      Emit(key_, value_);
    });
    handed_on_ = true;
  }

  void EndRun() {
    HandOn();
    handed_on_ = false;
    ++run_.run;
    number_ = 0;
  }

  bool stored_ = false;
  uint32_t segments_ = 0;
  search::RunId run_;
  uint32_t number_ = 0;  // of the next document in the run
  bool handed_on_ = false;
  search::InputDocuments documents_;
  std::optional<search::DocumentIndexer> indexer_;
  search::PartialIndex index_;
  std::string key_;
  std::string value_;
  quern::Counter* terms_ = nullptr;
};
QUERN_REGISTER_MAPPER(SearchIndexMapper);

class SegmentPartitioner : public quern::Partitioner {
 public:
  uint32_t Partition(std::string_view key, uint32_t partitions) const override {
    return search::SegmentOfKey(key) % partitions;
  }
};
QUERN_REGISTER_PARTITIONER(SegmentPartitioner);

class SearchIndexReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    distinct_ = context.counter("distinct_terms");
    merger_.emplace(ReadOptions(context), [this](std::string_view piece) { Emit("", piece); });
  }

  void Reduce(quern::ReduceInput* in) override {
    const search::KeyParts key(in->key());
    if (key.is_document) {
      for (const std::string_view value : in->values()) merger_->AddDocument(value);
      return;
    }
    for (const std::string_view value : in->values()) merger_->AddChunk(key.field, value);
    merger_->FinishTerm(key.field, key.term);
    distinct_->Increment();
  }

  void Finish() override { merger_->Finish(); }

 private:
  std::optional<search::RunMerger> merger_;
  quern::Counter* distinct_ = nullptr;
};
QUERN_REGISTER_REDUCER(SearchIndexReducer);

}  // namespace
