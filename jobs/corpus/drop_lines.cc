// Documents without the lines and paragraphs that are repeats (jobs/corpus/repeats.h).
//
// Input: documents and repeats, both as JSON lines: one with a text is a document, whatever else it
// has. Output (raw): the documents' lines, as they are where nothing goes, else with another text.
// The output "rejected" has documents that are left with fewer words than params.words_left_min, 1
// of itself, as they came and with a field
//   "rejected": {"rule": "repeated-lines", "value": 3, "words_left": 0}
// that says how many lines or paragraphs went. "tags" stay: a filter went by them. "pii"
// (jobs/corpus/pii.h) says where the masks stand in what is left of the text.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "jobs/corpus/document.h"
#include "jobs/corpus/pii.h"
#include "jobs/corpus/repeats.h"
#include "jobs/params.h"
#include "jobs/text/text_parts.h"
#include "jobs/text/unicode_words.h"
#include "mapreduce/api/mapreduce.h"

namespace {

using quern::text::JsonField;
using quern::text::JsonObjectWriter;
using quern::text::PartNumbers;
using quern::text::RemainingText;

// Of one text the numbers come first, so that no document waits for them.
constexpr uint8_t kLine = 0;
constexpr uint8_t kParagraph = 1;
constexpr uint8_t kDocument = 2;

// `number` is that of the part, or for a document the hash of its line: those of one id and text
// come in an order that does not depend on where they were read.
std::string KeyOf(std::string_view id, uint64_t text, uint8_t what, uint64_t number) {
  return quern::Ordered(id, text, what, number);
}

class DropLinesMapper : public quern::Mapper {
 public:
  void Start(quern::TaskContext& context) override {
    if (context.input_format() != "jsonl") context.Fail("drop-lines reads the format jsonl");
    reader_.Start(context);
    if (quern::corpus::IsRepeatField(reader_.field())) {
      context.Fail("params.field = '" + reader_.field() + "': repeats have that field too");
    }
  }

  void Map(const quern::MapInput& in) override {
    auto fields = quern::text::ReadJsonObject(in.value());
    if (fields.has_value() && !reader_.HasText(*fields)) {
      const auto repeat = quern::corpus::ReadRepeat(*fields);
      if (repeat.has_value()) return EmitRepeat(*repeat);
    }
    const auto document = reader_.Read(in, std::move(fields));
    if (!document.has_value()) return;
    const uint64_t text = quern::corpus::HashOfText(document->text);
    const uint64_t line = quern::corpus::HashOfText(in.value());
    Emit(KeyOf(document->id, text, kDocument, line), in.value());
  }

 private:
  void EmitRepeat(const quern::corpus::Repeat& repeat) {
    const uint8_t what = repeat.kind == quern::text::PartKind::kLine ? kLine : kParagraph;
    Emit(KeyOf(repeat.id, repeat.text_hash, what, repeat.number), "");
  }

  quern::corpus::DocumentReader reader_;
};
QUERN_REGISTER_MAPPER(DropLinesMapper);

// With [reduce] group = 2: one call for each text of an id, of which any number of documents pass.
// What is held is the numbers of the parts of one text.
class DropLinesReducer : public quern::Reducer {
 public:
  void Start(quern::TaskContext& context) override {
    field_ = NameParam(context, "field", "text");
    words_left_min_ =
        static_cast<size_t>(NumberParam(context, "words_left_min", "1", 0, INT64_MAX));
    kept_ = context.counter("kept");
    changed_ = context.counter("changed");
    rejected_ = context.counter("rejected");
    lines_ = context.counter("lines_dropped");
    paragraphs_ = context.counter("paragraphs_dropped");
    unknown_ = context.counter("repeats_of_no_document");
    others_ = context.output("rejected");
  }

  void Reduce(quern::ReduceInput* in) override {
    if (quern::OrderedPrefix(in->key(), 2) != in->key().size()) {
      context().Fail("reduce.group: must be 2, so that repeats meet the documents of their id");
    }
    gone_.lines.clear();
    gone_.paragraphs.clear();
    bool is_document = false;
    for (const auto& [key, value] : in->records()) {
      is_document = ReadRecord(key, value) || is_document;
    }
    const size_t named = gone_.lines.size() + gone_.paragraphs.size();
    if (!is_document) unknown_->Increment(static_cast<int64_t>(named));
  }

 private:
  // Whether it is a document.
  bool ReadRecord(std::string_view key, std::string_view value) {
    const auto [id, text, what, number] =
        quern::Decode<std::string, uint64_t, uint8_t, uint64_t>(key);
    if (what == kDocument) return Write(id, value), true;
    auto& numbers = what == kLine ? gone_.lines : gone_.paragraphs;
    // The same list may be there twice.
    if (numbers.empty() || numbers.back() != number) {
      numbers.push_back(static_cast<uint32_t>(number));
    }
    return false;
  }

  void Write(const std::string& id, std::string_view line) {
    if (gone_.lines.empty() && gone_.paragraphs.empty()) return Keep(line);
    quern::corpus::Document document;
    document.id = id;
    document.fields = quern::text::ReadJsonObject(line).value_or(document.fields);
    const RemainingText left =
        WithoutParts(quern::text::StringField(document.fields, field_), gone_);
    if (left.lines + left.paragraphs == 0) return Keep(line);
    lines_->Increment(static_cast<int64_t>(left.lines));
    paragraphs_->Increment(static_cast<int64_t>(left.paragraphs));
    const size_t words = CountWordsLeft(left.text);
    if (words < words_left_min_) return Reject(document, left, words);
    changed_->Increment();
    Keep(LineOf(document, left));
  }

  void Keep(std::string_view line) {
    kept_->Increment();
    Emit("", line);
  }

  // No more than it takes.
  size_t CountWordsLeft(std::string_view text) const {
    quern::text::WordReader words(text);
    size_t count = 0;
    while (count < words_left_min_ && !words.Next().empty()) ++count;
    return count;
  }

  std::string LineOf(const quern::corpus::Document& document, const RemainingText& left) {
    for (const JsonField& field : document.fields) {
      if (field.name == field_) {
        line_.AddString(field.name, left.text);
      } else if (field.name == quern::corpus::kPiiField) {
        AddPii(field, left);
      } else {
        line_.AddRaw(field.name, field.value);
      }
    }
    return line_.Take();
  }

  // One of somebody else stays as it is.
  void AddPii(const JsonField& field, const RemainingText& left) {
    const auto spans = quern::corpus::ReadPii(field.value);
    if (!spans.has_value()) return line_.AddRaw(field.name, field.value);
    const auto remaining = quern::corpus::RemainingSpans(*spans, left.pieces);
    if (!remaining.empty()) line_.AddRaw(field.name, quern::corpus::PiiJson(remaining));
  }

  void Reject(const quern::corpus::Document& document, const RemainingText& left, size_t words) {
    rejected_->Increment();
    JsonObjectWriter why = quern::corpus::RejectedBy("repeated-lines");
    why.AddRaw("value", std::to_string(left.lines + left.paragraphs));
    why.AddRaw("words_left", std::to_string(words));
    others_->Emit("", RejectedLine(document, std::move(why)));
  }

  std::string field_;
  size_t words_left_min_ = 1;
  PartNumbers gone_;  // of the present text
  JsonObjectWriter line_;
  quern::NamedOutput* others_ = nullptr;
  quern::Counter* kept_ = nullptr;
  quern::Counter* changed_ = nullptr;
  quern::Counter* rejected_ = nullptr;
  quern::Counter* lines_ = nullptr;
  quern::Counter* paragraphs_ = nullptr;
  quern::Counter* unknown_ = nullptr;
};
QUERN_REGISTER_REDUCER(DropLinesReducer);

}  // namespace
