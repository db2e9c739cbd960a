// A document as the corpus jobs pass it on: one JSON line, of which each job reads what it needs
// and keeps the rest as it stands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/text/json.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::corpus {

struct Document {
  std::string id;
  std::string text;
  // All fields of the line, views into the record; empty when the record is no JSON.
  std::vector<text::JsonField> fields;
  // That it gave itself. Without one `id` is the place that it was read from.
  bool has_id = true;
};

// The id that a line gives itself: a string, or a number as it stands there; empty when it gives
// none.
std::string IdOf(const std::vector<text::JsonField>& fields);

// Bytes that are no UTF-8 become U+FFFD, as they do in lines of JSON.
std::string Utf8Of(std::string text);

// The document as it came: all its fields, or id and text where it was no JSON.
void AddFields(const Document& document, text::JsonObjectWriter* line);

// What a stage says of a document that it rejects: {"rule": RULE, and what the rule has seen}.
inline constexpr std::string_view kRejectedField = "rejected";

// The value of that field, to which the rule adds.
text::JsonObjectWriter RejectedBy(std::string_view rule);

// The field goes behind those that the line has.
void AddRejected(text::JsonObjectWriter why, text::JsonObjectWriter* line);

// The document as it came, with the field at its end; one of that name which it has brought along
// gives way.
std::string RejectedLine(const Document& document, text::JsonObjectWriter why);

// The same of a copy: {"rule": RULE, "of": ID}.
std::string RejectedCopy(const Document& document, std::string_view rule, std::string_view of);

// More of a text is no document: whatever is in it, its tables of words fit in the memory that a
// task has unless its job says otherwise.
inline constexpr size_t kMostTextBytes = size_t{32} << 20;

// Format jsonl: {"id": ..., "text": ..., anything else}; the field with the text is named by
// params.field. Formats text and whole: the record is the text. A document without an id (a string
// that is not empty, or a number) is named by its place, path:offset. Bytes of an id that are no
// UTF-8 become U+FFFD, as they do wherever a line of JSON names the document.
class DocumentReader {
 public:
  // Once, before the first record.
  void Start(TaskContext& context);
  // Nothing when the record is none: a blank line, no JSON object, or without a text; the last two
  // are counted. Bytes of the text that are no UTF-8 are left as they are. A WARC file fails the
  // job. A record with a text of more than kMostTextBytes is set aside (SkipRecord): then it does
  // not return.
  std::optional<Document> Read(const MapInput& in);
  // The same of a line of JSON whose fields (text::ReadJsonObject) the caller has looked at before,
  // to tell documents from other lines: they are read once.
  std::optional<Document> Read(const MapInput& in,
                               std::optional<std::vector<text::JsonField>> fields);

  // Of a document that Read has given: it is a line of bad JSON instead.
  void CountAsBadJson();

  const std::string& field() const { return field_; }
  // There is a string in that field.
  bool HasText(const std::vector<text::JsonField>& fields) const;

 private:
  // nullptr when there is no string in that field.
  const text::JsonField* TextField(const std::vector<text::JsonField>& fields) const;
  std::optional<Document> DocumentOf(const MapInput& in,
                                     std::optional<std::vector<text::JsonField>> fields);
  Document Counted(const MapInput& in, Document document);
  void SkipWhenTooLong(size_t text_bytes);

  bool json_ = false;
  std::string field_;
  TaskContext* context_ = nullptr;
  Counter* documents_ = nullptr;
  Counter* bad_json_ = nullptr;
  Counter* without_text_ = nullptr;
};

}  // namespace quern::corpus
