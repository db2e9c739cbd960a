// The finished documents of a corpus, shuffled (jobs/corpus/shuffle.h) into shards of one form.
//
// Input: documents (jobs/corpus/document.h). Output (raw), each shard one part, one line each:
//   {"id", "url", "text", "lang", "date", "source", "meta": {...}}
// Every line has all seven; what a document does not say is null. "lang" is the language that the
// tags have measured, or else the one that the page states; "source" is params.source where the
// document has none. Every other field goes into "meta", and so does a stated language that is
// another one; "tags" only with params.tags=true. Values are checked and have one spelling; with
// one that is no JSON a document is left out.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "jobs/corpus/document.h"
#include "jobs/corpus/rules.h"
#include "jobs/corpus/shuffle.h"
#include "jobs/params.h"
#include "jobs/text/json_normal.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::corpus::Document;
using quern::text::FindField;
using quern::text::JsonField;
using quern::text::JsonObjectWriter;

// Fields of a document that have columns of their own. So has its text, whatever its field is
// called; a "text" that is another one is a field like others.
constexpr std::array<std::string_view, 5> kColumns = {"id", "url", "lang", "date", "source"};

class ShardsMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    keys_.Start(context);
    source_ = context.param("source");
    keep_tags_ = FlagParam(context, "tags");
    bytes_ = context.counter("bytes_of_text");
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const std::optional<std::string> line = LineOf(*document);
    if (!line.has_value()) return reader_.CountAsBadJson();
    bytes_->Increment(static_cast<int64_t>(document->text.size()));
    Emit(keys_.KeyOf(document->id, document->text, *line), *line);
  }

 private:
  // Nothing when a value is no JSON: readers of a corpus would stop there.
  std::optional<std::string> LineOf(const Document& document) {
    is_json_ = true;
    line_.AddString("id", document.id);
    AddColumn(document, "url");
    line_.AddString("text", document.text);
    AddLanguage(document);
    AddColumn(document, "date");
    if (FindField(document.fields, "source") == nullptr && !source_.empty()) {
      line_.AddString("source", source_);
    } else {
      AddColumn(document, "source");
    }
    line_.AddRaw("meta", MetaOf(document));
    std::string line = line_.Take();
    if (!is_json_) return std::nullopt;
    return line;
  }

  void AddValue(std::string_view name, std::string_view value, JsonObjectWriter* line) {
    const std::optional<std::string> normal = quern::text::NormalJson(value);
    is_json_ = is_json_ && normal.has_value();
    line->AddRaw(name, normal.has_value() ? *normal : value);
  }

  void AddColumn(const Document& document, std::string_view name) {
    const JsonField* const field = FindField(document.fields, name);
    AddValue(name, field == nullptr ? "null" : field->value, &line_);
  }

  void AddLanguage(const Document& document) {
    overruled_language_ = false;
    const JsonField* const field = FindField(document.fields, "tags");
    const auto tags = field == nullptr ? std::nullopt : quern::corpus::ReadTags(field->value);
    if (!tags.has_value()) return AddColumn(document, "lang");
    line_.AddString("lang", tags->language);
    const JsonField* const stated = FindField(document.fields, "lang");
    overruled_language_ =
        stated != nullptr && quern::text::ReadJsonString(stated->value) != tags->language;
  }

  std::string MetaOf(const Document& document) {
    bool any = false;
    for (const JsonField& field : document.fields) {
      if (!IsMeta(field.name)) continue;
      any = true;
      AddValue(field.name, field.value, &meta_);
    }
    return any ? meta_.Take() : "{}";
  }

  bool IsMeta(std::string_view name) const {
    if (name == reader_.field() || (name == "tags" && !keep_tags_)) return false;
    if (name == "lang") return overruled_language_;
    return std::find(kColumns.begin(), kColumns.end(), name) == kColumns.end();
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::ShuffleKeys keys_;
  std::string source_;
  bool keep_tags_ = false;
  bool is_json_ = true;              // all values of the present document
  bool overruled_language_ = false;  // the present document says another one of itself
  JsonObjectWriter line_;
  JsonObjectWriter meta_;
  quern::Counter* bytes_ = nullptr;
};
QUERN_REGISTER_MAPPER(ShardsMapper);

class ShardsReducer : public quern::Reducer {
 public:
  void Reduce(quern::ReduceInput* in) override {
    for (const std::string_view line : in->values()) Emit(line);
  }
};
QUERN_REGISTER_REDUCER(ShardsReducer);

using ShardPartitioner = quern::corpus::ShardPartitioner;
QUERN_REGISTER_PARTITIONER(ShardPartitioner);

}  // namespace
