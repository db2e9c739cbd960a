#include "jobs/search/indexing/input_documents.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "jobs/corpus/json_input.h"
#include "jobs/search/segment/dates.h"
#include "jobs/search/segment/segment_meta.h"
#include "jobs/text/ascii.h"
#include "jobs/text/charset.h"
#include "jobs/text/html_tree.h"
#include "jobs/text/json.h"
#include "jobs/text/page.h"
#include "jobs/text/utf8.h"
#include "mapreduce/api/file_kinds.h"

namespace quern::search {

namespace {

bool IsBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

constexpr size_t kLookedAtForNul = 8 << 10;

// The title of a document; that in its "meta", where shards have it, when it has none of its own.
std::string TitleOf(const std::vector<text::JsonField>& fields, size_t most_bytes) {
  std::string title = text::NameField(fields, "title", most_bytes);
  if (!title.empty()) return title;
  const text::JsonField* const meta = text::FindField(fields, "meta");
  if (meta == nullptr) return title;
  const auto inner = text::ReadJsonObject(meta->value);
  return inner.has_value() ? text::NameField(*inner, "title", most_bytes) : title;
}

std::string PlaceOf(const MapInput& in) {
  return std::string(in.source().path) + ":" + std::to_string(in.source().offset);
}

}  // namespace

void InputDocuments::Start(TaskContext& context) {
  context_ = &context;
  const std::string_view format = context.input_format();
  format_ = format == "jsonl"   ? Format::kJson
            : format == "whole" ? Format::kWhole
            : format == "warc"  ? Format::kWarc
                                : Format::kText;
  const std::string content(context.param("content", "main"));
  if (content != "main" && content != "all") {
    context.Fail("params.content = '" + content + "': must be main or all");
  }
  main_content_ = content == "main";
  documents_ = context.counter("documents");
  without_text_ = context.counter("documents_without_text");
  cut_ = context.counter("documents_cut");
  if (format_ == Format::kJson) bad_json_ = context.counter("lines_of_bad_json");
  if (format_ == Format::kWarc) other_records_ = context.counter("records_that_hold_no_page");
  if (format_ != Format::kText) {
    binary_ = context.counter("documents_that_are_binary");
    all_text_ = context.counter("documents_with_all_text");
  }
}

std::optional<IndexedDocument> InputDocuments::Read(const MapInput& in) {
  is_cut_ = false;
  std::optional<IndexedDocument> document = ReadRecord(in);
  if (!document.has_value()) return std::nullopt;
  Cut(kMaxTextBytes, &document->text);
  Cut(kMaxTitleBytes, &document->title);
  Cut(kMaxDateBytes, &document->date);
  if (document->language.size() > kMaxLanguageBytes) document->language.clear();
  if (is_cut_) cut_->Increment();
  if (IsBlank(document->text) && IsBlank(document->title)) {
    without_text_->Increment();
    return std::nullopt;
  }
  if (document->id.empty()) document->id = document->url;
  if (document->id.empty()) {
    document->id = format_ == Format::kWhole ? std::string(in.source().path) : PlaceOf(in);
  }
  documents_->Increment();
  return document;
}

std::string_view InputDocuments::Beginning(std::string_view bytes) {
  is_cut_ = bytes.size() > kMaxTextBytes;
  return text::Beginning(bytes, kMaxTextBytes);
}

void InputDocuments::Cut(size_t most_bytes, std::string* part) {
  if (part->size() <= most_bytes) return;
  is_cut_ = true;
  part->resize(text::WholeCharacters(*part, most_bytes).size());
  part->shrink_to_fit();
}

std::optional<IndexedDocument> InputDocuments::ReadRecord(const MapInput& in) {
  switch (format_) {
    case Format::kJson:
      return ReadJson(in);
    case Format::kWarc:
      return ReadCrawled(in);
    case Format::kWhole:
      if (HasHtmlName(in.source().path)) return ReadPage(in.value(), "");
      return ReadFile(in.value(), "");
    case Format::kText:
      break;
  }
  IndexedDocument document;
  document.text = Beginning(in.value());
  return document;
}

std::optional<IndexedDocument> InputDocuments::ReadJson(const MapInput& in) {
  if (IsBlank(in.value())) return std::nullopt;
  const auto fields = text::ReadJsonObject(in.value());
  if (!fields.has_value()) {
    CheckIsNoCrawl(*context_, in, "--format warc");
    bad_json_->Increment();
    return std::nullopt;
  }
  IndexedDocument document;
  document.id = text::NameField(*fields, "id");
  document.url = text::NameField(*fields, "url");
  // One byte more than may stay, so that Read sees that there was more.
  document.title = TitleOf(*fields, kMaxTitleBytes + 1);
  document.text = text::NameField(*fields, "text", kMaxTextBytes + 1);
  document.language = text::NameField(*fields, "lang", kMaxLanguageBytes + 1);
  document.date = text::NameField(*fields, "date", kMaxDateBytes + 1);
  if (document.text.empty() && !AddPage(*fields, &document)) return std::nullopt;
  return document;
}

bool InputDocuments::AddPage(const std::vector<text::JsonField>& fields,
                             IndexedDocument* document) {
  const text::JsonField* const field = text::FindField(fields, "html");
  if (field == nullptr || !text::IsJsonString(field->value)) return true;
  const auto html = text::ReadJsonString(field->value, text::HtmlLimits().bytes + 1);
  if (!html.has_value()) return bad_json_->Increment(), false;
  // The characters of a JSON string are UTF-8, whatever the page once declared.
  std::optional<IndexedDocument> page = ReadPage(*html, "text/html; charset=utf-8");
  if (!page.has_value()) return false;
  document->text = std::move(page->text);
  if (document->title.empty()) document->title = std::move(page->title);
  if (document->language.empty()) document->language = std::move(page->language);
  if (document->date.empty()) document->date = std::move(page->date);
  if (document->date.empty()) {
    document->date = text::NameField(fields, "crawled", kMaxDateBytes + 1);
  }
  return true;
}

std::optional<IndexedDocument> InputDocuments::ReadFile(std::string_view bytes,
                                                        std::string_view content_type) {
  if (!content_type.empty() || text::BeginsLikeHtml(bytes)) return ReadPage(bytes, content_type);
  const std::string_view beginning = Beginning(bytes);
  const std::string_view encoding = text::EncodingOfPage(beginning, "");
  if (encoding.starts_with("UTF-16") && text::BeginsLikeHtml(beginning, encoding)) {
    return ReadPage(bytes, "");
  }
  if (text::HoldsNul(beginning.substr(0, kLookedAtForNul), encoding)) {
    binary_->Increment();
    return std::nullopt;
  }
  IndexedDocument document;
  document.text = text::ToUtf8(beginning, encoding);
  return document;
}

std::optional<IndexedDocument> InputDocuments::ReadPage(std::string_view bytes,
                                                        std::string_view content_type) {
  text::Page page = text::ReadPage(bytes, {content_type, main_content_});
  if (page.problem == text::PageProblem::kBinary) {
    binary_->Increment();
    return std::nullopt;
  }
  if (page.text.empty() && main_content_) {
    // A list, a table, a few words: no article, and yet what the page is looked for by.
    page.text = text::ReadPage(bytes, {content_type, /*main_content=*/false}).text;
    if (!page.text.empty()) all_text_->Increment();
  }
  is_cut_ = page.truncated;
  IndexedDocument document;
  document.title = std::move(page.facts.title);
  document.text = std::move(page.text);
  document.language = std::move(page.facts.language);
  document.date = std::move(page.facts.date);
  return document;
}

std::optional<IndexedDocument> InputDocuments::ReadCrawled(const MapInput& in) {
  const auto record = in.source();
  const std::string_view type = record.header("WARC-Type");
  const std::string_view status = record.header("HTTP-Status");
  const std::string content_type = text::LowerLetters(record.header("HTTP-Content-Type"));
  const bool is_text = type == "conversion";
  const bool page = type == "response" && (status.empty() || status == "200") &&
                    (content_type.empty() || content_type.find("html") != std::string::npos);
  if (!is_text && !page) {
    other_records_->Increment();
    return std::nullopt;
  }
  if (page && text::IsStillCoded(record.header("HTTP-Content-Encoding"), in.value())) {
    binary_->Increment();
    return std::nullopt;
  }
  std::optional<IndexedDocument> document;
  if (is_text) {
    document.emplace().text = text::ToUtf8(Beginning(in.value()), "UTF-8");
  } else {
    document = ReadFile(in.value(), content_type.empty() ? "text/html" : content_type);
  }
  if (!document.has_value()) return std::nullopt;
  document->url = in.key();
  document->id = document->url;
  if (!ParseDate(document->date).has_value()) document->date = record.header("WARC-Date");
  return document;
}

}  // namespace quern::search
