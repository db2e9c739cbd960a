#include "jobs/corpus/document.h"

#include <algorithm>
#include <utility>

#include "jobs/corpus/json_input.h"
#include "jobs/params.h"
#include "jobs/text/utf8.h"

namespace quern::corpus {

namespace {

std::string PlaceOfRecord(const MapInput& in) {
  return std::string(in.source().path) + ":" + std::to_string(in.source().offset);
}

bool IsBlankLine(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

// AddFields without the fields of one name; of none with "".
void AddFieldsBut(std::string_view name, const Document& document, text::JsonObjectWriter* line) {
  for (const text::JsonField& field : document.fields) {
    if (name.empty() || field.name != name) line->AddRaw(field.name, field.value);
  }
  if (!document.fields.empty()) return;
  line->AddString("id", document.id);
  line->AddString("text", document.text);
}

}  // namespace

std::string IdOf(const std::vector<text::JsonField>& fields) {
  return text::NameField(fields, "id");
}

std::string Utf8Of(std::string text) {
  const auto is_ascii = [](char c) { return (c & 0x80) == 0; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return text;
  std::string repaired;
  for (size_t at = 0; at < text.size();) {
    const quern::text::Character character = quern::text::CharacterAt(text, at);
    quern::text::AppendUtf8(character.code, &repaired);
    at += character.size;
  }
  return repaired;
}

void DocumentReader::Start(TaskContext& context) {
  context_ = &context;
  json_ = context.input_format() == "jsonl";
  field_ = NameParam(context, "field", "text");
  documents_ = context.counter("documents");
  bad_json_ = context.counter("lines_of_bad_json");
  without_text_ = context.counter("documents_without_text");
}

void AddFields(const Document& document, text::JsonObjectWriter* line) {
  AddFieldsBut("", document, line);
}

text::JsonObjectWriter RejectedBy(std::string_view rule) {
  text::JsonObjectWriter why;
  why.AddString("rule", rule);
  return why;
}

void AddRejected(text::JsonObjectWriter why, text::JsonObjectWriter* line) {
  line->AddRaw(kRejectedField, why.Take());
}

std::string RejectedLine(const Document& document, text::JsonObjectWriter why) {
  text::JsonObjectWriter line;
  AddFieldsBut(kRejectedField, document, &line);
  AddRejected(std::move(why), &line);
  return line.Take();
}

std::string RejectedCopy(const Document& document, std::string_view rule, std::string_view of) {
  text::JsonObjectWriter why = RejectedBy(rule);
  why.AddString("of", of);
  return RejectedLine(document, std::move(why));
}

void DocumentReader::CountAsBadJson() {
  documents_->Increment(-1);
  bad_json_->Increment();
}

bool DocumentReader::HasText(const std::vector<text::JsonField>& fields) const {
  return TextField(fields) != nullptr;
}

const text::JsonField* DocumentReader::TextField(const std::vector<text::JsonField>& fields) const {
  const text::JsonField* const field = text::FindField(fields, field_);
  return field != nullptr && text::IsJsonString(field->value) ? field : nullptr;
}

std::optional<Document> DocumentReader::Read(const MapInput& in) {
  if (json_) return Read(in, text::ReadJsonObject(in.value()));
  SkipWhenTooLong(in.value().size());
  Document document;
  document.text = in.value();
  return Counted(in, std::move(document));
}

std::optional<Document> DocumentReader::Read(const MapInput& in,
                                             std::optional<std::vector<text::JsonField>> fields) {
  std::optional<Document> document = DocumentOf(in, std::move(fields));
  if (!document.has_value()) return std::nullopt;
  return Counted(in, *std::move(document));
}

Document DocumentReader::Counted(const MapInput& in, Document document) {
  documents_->Increment();
  document.has_id = !document.id.empty();
  if (!document.has_id) document.id = PlaceOfRecord(in);
  // Lines of JSON between jobs cannot have other bytes, and an id must be the same on all roads.
  document.id = Utf8Of(std::move(document.id));
  return document;
}

// Without the record a job would end that has read all others.
void DocumentReader::SkipWhenTooLong(size_t text_bytes) {
  if (text_bytes <= kMostTextBytes) return;
  context_->SkipRecord("a text of more than " + std::to_string(kMostTextBytes >> 20) + " MiB");
}

std::optional<Document> DocumentReader::DocumentOf(
    const MapInput& in, std::optional<std::vector<text::JsonField>> fields) {
  if (IsBlankLine(in.value())) return std::nullopt;
  if (!fields.has_value()) {
    CheckIsNoCrawl(*context_, in, "mr run extract, which makes documents of crawls");
    return bad_json_->Increment(), std::nullopt;
  }
  const text::JsonField* const field = TextField(*fields);
  if (field == nullptr) return without_text_->Increment(), std::nullopt;
  std::optional<std::string> text = text::ReadJsonString(field->value, kMostTextBytes + 1);
  if (!text.has_value()) return bad_json_->Increment(), std::nullopt;
  SkipWhenTooLong(text->size());
  return Document{IdOf(*fields), *std::move(text), *std::move(fields)};
}

}  // namespace quern::corpus
