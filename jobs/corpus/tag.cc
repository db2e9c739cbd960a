// Measures documents for the quality rules, once: the filter job reads the tags as often as
// thresholds change.
//
// Input: documents (jobs/corpus/document.h). Output (raw), in the order of the input: the
// document's line with the field "tags" at its end; with params.only_tags=true {"id", "tags"}
// alone. With params.url_lists the tags name the lists of URLs (jobs/corpus/url_lists.h) that hold
// the document's "url". What names persons is counted where the document has the field "pii" of the
// clean job; with params.pii=true it is looked for in the others, which then get that field, with
// params.only_tags too. A text that gets it is UTF-8: with other bytes it would be one of other
// offsets for whoever mends it.
#include <optional>
#include <string>
#include <vector>

#include "jobs/corpus/document.h"
#include "jobs/corpus/pii.h"
#include "jobs/corpus/tagger.h"
#include "jobs/corpus/url_lists.h"
#include "jobs/params.h"
#include "jobs/text/charset.h"
#include "jobs/text/personal_data.h"
#include "mapreduce/api/mapreduce.h"

namespace {

class TagMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    reader_.Start(context);
    only_tags_ = FlagParam(context, "only_tags");
    find_pii_ = FlagParam(context, "pii");
    lists_.Read(context);
  }

  void Map(const quern::MapInput& in) override {
    const auto document = reader_.Read(in);
    if (!document.has_value()) return;
    const std::string tags = TagsOf(*document).Json();
    if (only_tags_ || document->fields.empty()) line_.AddString("id", document->id);
    if (!only_tags_) AddFields(*document);
    if (!found_pii_.empty()) {
      line_.AddRaw(quern::corpus::kPiiField, quern::corpus::PiiJson(found_pii_));
    }
    line_.AddRaw("tags", tags);
    Emit("", line_.Take());
  }

 private:
  quern::corpus::Tags TagsOf(const quern::corpus::Document& document) {
    quern::corpus::Tags tags = tagger_.Measure(document.text);
    if (!lists_.empty()) {
      tags.url_lists = lists_.Holding(quern::text::StringField(document.fields, "url"));
    }
    CountPii(document, &tags);
    return tags;
  }

  void CountPii(const quern::corpus::Document& document, quern::corpus::Tags* tags) {
    found_pii_.clear();
    const quern::text::JsonField* const field =
        quern::text::FindField(document.fields, quern::corpus::kPiiField);
    const auto known = field == nullptr ? std::nullopt : quern::corpus::ReadPii(field->value);
    looked_here_ = find_pii_ && !known.has_value();
    mended_ = looked_here_ && !quern::text::IsUtf8(document.text);
    if (looked_here_) found_pii_ = FindPii(document);
    if (!known.has_value() && !looked_here_) return;
    const auto counts = quern::corpus::CountPii(known.has_value() ? *known : found_pii_);
    tags->pii_emails = static_cast<double>(counts.emails);
    tags->pii_ips = static_cast<double>(counts.ips);
  }

  // Of the text as whoever reads it in UTF-8 has it, and as every job writes it that writes it
  // anew: a byte that is none is three.
  std::vector<quern::text::PersonalSpan> FindPii(const quern::corpus::Document& document) const {
    if (!mended_) return quern::text::FindPersonalData(document.text);
    return quern::text::FindPersonalData(quern::corpus::Utf8Of(document.text));
  }

  void AddFields(const quern::corpus::Document& document) {
    if (document.fields.empty()) line_.AddString("text", document.text);
    for (const quern::text::JsonField& field : document.fields) {
      const bool replaced = looked_here_ && field.name == quern::corpus::kPiiField;
      if (field.name == "tags" || replaced) continue;
      if (mended_ && !found_pii_.empty() && field.name == reader_.field()) {
        line_.AddString(field.name, document.text);
      } else {
        line_.AddRaw(field.name, field.value);
      }
    }
  }

  quern::corpus::DocumentReader reader_;
  quern::corpus::Tagger tagger_;
  quern::corpus::UrlLists lists_;
  quern::text::JsonObjectWriter line_;
  bool only_tags_ = false;
  bool find_pii_ = false;
  // Of the present document.
  bool looked_here_ = false;
  bool mended_ = false;  // what was looked at, for it is no UTF-8
  std::vector<quern::text::PersonalSpan> found_pii_;
};
QUERN_REGISTER_MAPPER(TagMapper);

}  // namespace
