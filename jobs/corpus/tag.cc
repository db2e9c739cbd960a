// Measures documents for the quality rules, once: the filter job reads the tags as often as
// thresholds change.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input: the
// document's line with the field "tags" at its end; with params.only_tags=true {"id", "tags"}
// alone. With params.url_lists the tags name the lists of URLs (jobs/corpus/url_lists.h) that hold
// the document's "url".
#include "jobs/corpus/document.h"
#include "jobs/corpus/tagger.h"
#include "jobs/corpus/url_lists.h"
#include "jobs/params.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class TagMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    only_tags_ = FlagParam(context, "only_tags");
    lists_.Read(context);
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const std::string tags = TagsOf(*document).Json();
    if (only_tags_ || document->fields.empty()) line_.AddString("id", document->id);
    if (!only_tags_) AddFields(*document);
    line_.AddRaw("tags", tags);
    Emit("", line_.Take());
  }

 private:
  quern::corpus::Tags TagsOf(const quern::corpus::Document& document) {
    quern::corpus::Tags tags = tagger_.Measure(document.text);
    if (!lists_.empty()) {
      tags.url_lists = lists_.Holding(quern::text::StringField(document.fields, "url"));
    }
    return tags;
  }

  void AddFields(const quern::corpus::Document& document) {
    if (document.fields.empty()) line_.AddString("text", document.text);
    for (const quern::text::JsonField& field : document.fields) {
      if (field.name != "tags") line_.AddRaw(field.name, field.value);
    }
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::Tagger tagger_;
  quern::corpus::UrlLists lists_;
  quern::text::JsonObjectWriter line_;
  bool only_tags_ = false;
};
QUERN_REGISTER_MAPPER(TagMapper);

}  // namespace
