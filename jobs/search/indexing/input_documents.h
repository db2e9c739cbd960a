// Records of a job as documents: JSON lines, files, crawls.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/search/segment/indexed_document.h"
#include "jobs/text/json.h"
#include "mapreduce/api/mapreduce.h"

namespace quern::search {

// Format jsonl: {"id", "url", "title", "text", "lang", "date"}, what the corpus jobs write; a
// document without an id is named by its URL or its place, path:offset. A title may also stand in
// "meta", as it does in shards. One without a text may have its page in "html", which gives what
// the line does not say itself. Format whole: files, named by their path; pages of HTML (by their
// name, or as they begin) give their main content, or all their text where they have none or
// params.content says so. Format warc: responses with pages, and conversions, named by their URL.
// Format text: lines, named by their place.
class InputDocuments {
 public:
  // A text of more bytes is cut, before it is copied and between characters.
  static constexpr size_t kMaxTextBytes = 64 << 20;
  // So is a title, and a date, of which only the beginning is looked at. A language of more than
  // kMaxLanguageBytes is none.
  static constexpr size_t kMaxTitleBytes = 64 << 10;
  static constexpr size_t kMaxDateBytes = 100;

  // Once, before the first record.
  void Start(TaskContext& context);
  // Nothing when the record is no document, which is counted by its reason.
  std::optional<IndexedDocument> Read(const MapInput& in);

 private:
  std::optional<IndexedDocument> ReadRecord(const MapInput& in);
  std::optional<IndexedDocument> ReadJson(const MapInput& in);
  // False when the page of a line cannot be read, which is counted.
  bool AddPage(const std::vector<text::JsonField>& fields, IndexedDocument* document);
  std::optional<IndexedDocument> ReadCrawled(const MapInput& in);
  std::optional<IndexedDocument> ReadFile(std::string_view bytes, std::string_view content_type);
  std::optional<IndexedDocument> ReadPage(std::string_view bytes, std::string_view content_type);
  // What becomes text of bytes that are nothing else.
  std::string_view Beginning(std::string_view bytes);
  void Cut(size_t most_bytes, std::string* part);

  enum class Format { kText, kJson, kWhole, kWarc };
  Format format_ = Format::kText;
  bool main_content_ = true;
  bool is_cut_ = false;  // the present document, in any of its parts
  Counter* documents_ = nullptr;
  TaskContext* context_ = nullptr;
  Counter* bad_json_ = nullptr;
  Counter* without_text_ = nullptr;
  Counter* binary_ = nullptr;
  Counter* all_text_ = nullptr;  // pages that have no main content, but text
  Counter* other_records_ = nullptr;
  Counter* cut_ = nullptr;
};

}  // namespace quern::search
